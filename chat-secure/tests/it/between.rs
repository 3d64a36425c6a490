//! A machine between both ends, which sees every frame and may change it.

use futures::future::{Either, select};

use super::*;

/// Frames from one end to the other, each through `change`, which says what arrives instead.
async fn carry(
    mut near: BoxLink,
    mut far: BoxLink,
    mut change: impl FnMut(bool, usize, Bytes) -> Vec<Bytes>,
) {
    let mut counts = [0, 0];
    loop {
        let (to_server, frame) = match select(near.next(), far.next()).await {
            Either::Left((frame, _)) => (true, frame),
            Either::Right((frame, _)) => (false, frame),
        };
        let Some(Ok(frame)) = frame else { return };
        let count = &mut counts[usize::from(to_server)];
        let to = if to_server { &mut far } else { &mut near };
        for frame in change(to_server, *count, frame) {
            if to.send(frame).await.is_err() {
                return;
            }
        }
        *count += 1;
    }
}

/// What a client and a server say to each other over a machine that does this to their frames: the frames that the server
/// gets and those that the client gets. A link that fails ends the list.
fn conversation(
    seed: u64,
    change: impl FnMut(bool, usize, Bytes) -> Vec<Bytes> + Send + 'static,
) -> (Vec<String>, Vec<String>) {
    let street = Street::new(seed);
    street.run(async {
        let mut listening = listen(&street.server()).await;
        let door: Address = "memory://door".parse().unwrap();
        let mut machine = street.memory.listen(&door).await.unwrap();
        let memory = street.memory.clone();
        street.runtime().spawn(
            async move {
                let near = machine.incoming.next().await.unwrap().link;
                let far = memory.dial(&hall()).await.unwrap();
                carry(near, far, change).await;
            }
            .boxed(),
        );
        let (mut at_server, mut at_client) = (Vec::new(), Vec::new());
        let serving = async {
            let Some(mut far) = listening.incoming.next().await else { return };
            while let Some(Ok(frame)) = far.link.next().await {
                at_server.push(String::from_utf8(frame.to_vec()).unwrap());
                let _ = far.link.send(frame).await;
            }
        };
        let asking = async {
            let Ok(mut near) = street.client().dial(&door).await else { return };
            for number in 0..3 {
                if near.send(Bytes::from(format!("{{\"{number}\":0}}"))).await.is_err() {
                    return;
                }
                let answer =
                    chat_testkit::within(&street.runtime(), Duration::from_secs(2), near.next()).await;
                let Some(Some(Ok(frame))) = answer else { return };
                at_client.push(String::from_utf8(frame.to_vec()).unwrap());
            }
        };
        let (serving, asking) = (serving.boxed_local(), asking.boxed_local());
        if let Either::Right(((), serving)) = select(serving, asking).await {
            chat_testkit::within(&street.runtime(), Duration::from_secs(10), serving).await;
        }
        (at_server, at_client)
    })
}

fn said(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{{\"{number}\":0}}")).collect()
}

/// protocol 19.14
#[test]
fn a_machine_that_only_listens_sees_no_frame() {
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let all = seen.clone();
    let heard = conversation(1, move |_, _, frame| {
        all.lock().unwrap().extend_from_slice(&frame);
        vec![frame]
    });
    assert_eq!(heard, (said(3), said(3)));
    let seen = String::from_utf8_lossy(&seen.lock().unwrap()).into_owned();
    assert!(!seen.contains("{\"0\"") && seen.matches("secure").count() == 3, "{seen:?}");
}

/// protocol 19.3, protocol 19.7
#[test]
fn a_frame_that_is_changed_anywhere_ends_the_conversation_there() {
    // The frames of the client are two of the handshake and three records; those of the server one and three.
    for (to_server, count) in [(true, 5), (false, 4)] {
        for place in 0..count {
            for seed in 0..25 {
                let mut rng = fastrand::Rng::with_seed(seed);
                let (at_server, at_client) = conversation(seed, move |direction, number, frame| {
                    if (direction, number) != (to_server, place) {
                        return vec![frame];
                    }
                    let mut changed = frame.to_vec();
                    match rng.u8(0..3) {
                        0 => changed.truncate(rng.usize(1..frame.len())),
                        1 => changed.push(rng.u8(b'a'..)),
                        _ => {
                            let at = rng.usize(..frame.len());
                            changed[at] ^= 1 << rng.u8(0..8);
                        }
                    }
                    vec![changed.into()]
                });
                let before = place.saturating_sub(if to_server { 2 } else { 1 });
                let heard = if to_server { before } else { before + usize::from(place > 0) };
                let case = format!("frame {place} of {to_server}, seed {seed}");
                assert_eq!((at_server, at_client), (said(heard), said(before)), "{case}");
            }
        }
    }
}

/// protocol 19.7
#[test]
fn a_record_that_is_sent_again_or_held_back_ends_the_conversation() {
    let again =
        conversation(
            1,
            |to_server, number, frame| {
                if to_server && number == 3 { vec![frame.clone(), frame] } else { vec![frame] }
            },
        );
    assert_eq!(again.0, said(2));
    let mut held = None;
    let swapped = conversation(2, move |to_server, number, frame| match (to_server, number) {
        (true, 3) => {
            held = Some(frame);
            Vec::new()
        }
        (true, 4) => vec![frame, held.take().unwrap()],
        _ => vec![frame],
    });
    assert_eq!(swapped, (said(1), said(1)));
}

/// A machine that has a key of its own and speaks with both ends is another server to the client, and another client to
/// the server. (protocol 19.13)
#[test]
fn a_machine_with_a_key_of_its_own_is_another_server() {
    let street = Street::new(3);
    street.run(async {
        let _listening = listen(&street.server()).await;
        let door: Address = "memory://door".parse().unwrap();
        let machine =
            Secured::new(street.memory.clone(), StaticKey::generate(&*street.runtime()), street.runtime());
        let _at_the_door = machine.listen(&door).await.unwrap();
        let server = street.server.id();
        let client = street
            .client()
            .with_check(move |_, key| if key == server { Ok(()) } else { Err("another key".to_owned()) });
        let error = client.dial(&door).await.map(drop).unwrap_err();
        assert_eq!(error.to_string(), format!("{door}: another key"));
        assert!(client.dial(&hall()).await.is_ok());
    });
}
