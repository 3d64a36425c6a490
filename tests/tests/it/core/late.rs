//! What waits for a log that takes its time and then fails: bounded, answered, and left behind without a trace.

use std::{sync::Arc, time::Duration};

use chat_core::{
    log::{LogError, MemoryLog},
    server::Limits,
    transport::Transport,
    wire::{Code, Error, Event, Goodbye, MAX_FRAME, Reason, Request, RoomList, Who, write},
};
use chat_testkit::{RawClient, hello, virtual_time::VirtualTime};
use futures::{FutureExt, SinkExt};

use super::{Hall, SECOND, say, slow_log::SlowLog};

/// A server whose log fails everything, after a second.
async fn late_hall(time: &VirtualTime) -> Hall {
    late_hall_taking(time, SECOND).await
}

async fn late_hall_taking(time: &VirtualTime, takes: Duration) -> Hall {
    let log = SlowLog { takes, ..SlowLog::new(time) };
    log.fail_with(Some(LogError::Failed("it is gone".into())));
    Hall::with(time, Limits::default().unlimited(), Arc::new(log)).await
}

fn error(event: &Event) -> Option<(Option<u64>, Code)> {
    if let Event::Error(Error { id, code, .. }) = event { Some((*id, *code)) } else { None }
}

/// protocol 12.1
#[test]
fn a_bye_waits_for_the_answers_to_what_was_asked_before() {
    let time = VirtualTime::new(71);
    time.run(async {
        let hall = late_hall(&time).await;
        let mut ana = hall.enter("ana", 1).await;
        ana.join("lobby", None).await;
        ana.send(r#"{"type":"say","id":7,"room":"lobby","text":"hi"}"#).await;
        ana.send(r#"{"type":"bye"}"#).await;
        let rest = ana.rest().await;
        let [.., answer, Event::Goodbye(Goodbye { reason: Reason::Bye, .. })] = &rest[..] else {
            panic!("{rest:?}")
        };
        assert_eq!(error(answer), Some((Some(7), Code::StorageFailed)));
    });
}

/// protocol 6.7
#[test]
fn a_room_in_which_nothing_could_be_said_is_forgotten() {
    let time = VirtualTime::new(72);
    time.run(async {
        let hall = late_hall(&time).await;
        let mut ana = hall.enter("ana", 1).await;
        ana.join("lobby", None).await;
        ana.send(r#"{"type":"say","id":107,"room":"lobby","text":"hi"}"#).await;
        ana.send(r#"{"type":"leave","id":108,"room":"lobby"}"#).await;
        ana.expect("error", |it| error(it).filter(|(id, _)| *id == Some(107))).await;
        let who = ana.ask(|id| Request::Who(Who { id, room: "lobby".into() })).await;
        assert_eq!(error(&who).map(|(_, code)| code), Some(Code::NoSuchRoom));
    });
}

/// protocol 11.6
#[test]
fn four_megabytes_may_wait_to_be_stored() {
    let time = VirtualTime::new(73);
    time.run(async {
        let hall = late_hall(&time).await;
        let mut people = Vec::new();
        for (number, name) in
            (1..).zip(["ana", "bob", "cleo", "dan", "eve", "fay", "gus", "hal", "ida", "joe"])
        {
            let mut client = hall.enter(name, number).await;
            client.join("lobby", None).await;
            people.push(client);
        }
        people[0].send(r#"{"type":"say","id":100,"room":"lobby","text":"first"}"#).await;
        time.settle().await;
        let text = "x".repeat(8192);
        for client in &mut people {
            for id in 101..=160 {
                client.send(format!(r#"{{"type":"say","id":{id},"room":"lobby","text":"{text}"}}"#)).await;
            }
        }
        time.settle().await;
        let mut busy = 0;
        for client in &mut people {
            client
                .has_heard(|it| {
                    busy += usize::from(error(it).is_some_and(|(_, code)| code == Code::Busy));
                    false
                })
                .await;
        }
        assert_eq!(busy, 600 - (4 << 20) / 8192);
    });
}

/// protocol 5.8, 11.6
#[test]
fn what_follows_a_message_that_was_refused_for_now_does_not_overtake_it() {
    let time = VirtualTime::new(76);
    time.run(async {
        let hall = late_hall(&time).await;
        let mut ana = hall.enter("ana", 1).await;
        ana.join("lobby", None).await;
        let mut crowd = Vec::new();
        for n in 0..70 {
            let mut client = hall.enter(&format!("p{n:02}"), 100 + n).await;
            client.join("lobby", None).await;
            crowd.push(client);
        }
        let say = |id: u64| format!(r#"{{"type":"say","id":{id},"room":"lobby","text":"x"}}"#);
        crowd[0].send(say(100)).await;
        time.settle().await;
        for client in &mut crowd {
            for id in 101..=163 {
                client.send(say(id)).await;
            }
        }
        time.pass(SECOND * 9 / 10).await;
        let code_of = async |client: &mut RawClient, id: u64| {
            error(&client.ask_as(id, say(id)).await).expect("nothing is stored").1
        };
        assert_eq!(code_of(&mut ana, 200).await, Code::Busy);
        time.pass(SECOND * 15 / 100).await;
        assert_eq!(code_of(&mut ana, 201).await, Code::Busy, "there is room again, but 200 goes first");
        time.pass(SECOND * 3 / 10).await;
        assert_eq!(code_of(&mut ana, 200).await, Code::StorageFailed, "it was taken");
    });
}

/// protocol 11.5
#[test]
fn sixty_four_requests_may_wait_for_their_replies() {
    let time = VirtualTime::new(74);
    time.run(async {
        let hall = late_hall(&time).await;
        let mut link = hall.memory.dial(&hall.address).await.unwrap();
        link.send(write(&Request::Hello(hello("ana", 1)))).await.unwrap();
        link.send(r#"{"type":"join","id":1,"room":"lobby"}"#.into()).await.unwrap();
        time.settle().await;
        let Request::Say(mut say) = say("lobby", "hi") else { unreachable!("it is a say") };
        let mut taken = 0;
        loop {
            say.id = 2 + taken;
            time.settle().await;
            if link.send(write(&Request::Say(say.clone()))).now_or_never().is_none() {
                break;
            }
            taken += 1;
            assert!(taken < 1000, "the server reads on whatever it owes");
        }
        // Such a link holds 64 frames on their way, and one more for each sender.
        assert!((64 + 64..=64 + 66).contains(&taken), "{taken}");
    });
}

/// protocol 12.4
#[test]
fn a_link_that_the_server_does_not_read_is_not_taken_for_silent() {
    let time = VirtualTime::new(77);
    time.run(async {
        let hall = late_hall_taking(&time, SECOND * 60).await;
        let mut ana = hall.enter("ana", 1).await;
        ana.join("lobby", None).await;
        for id in 101..=164 {
            ana.send(format!(r#"{{"type":"say","id":{id},"room":"lobby","text":"x"}}"#)).await;
        }
        for id in 201..=203 {
            time.pass(SECOND * 15).await;
            ana.send(format!(r#"{{"type":"ping","id":{id}}}"#)).await;
        }
        time.pass(SECOND * 14).await;
        let answers = |it: &Event| it.reply_to() == Some(203);
        ana.expect("pong", |it| answers(it).then_some(())).await;
        // Besides those that say how long it takes (protocol 7.6).
        assert_eq!(ana.forget().iter().filter_map(error).filter(|(id, _)| id.is_some()).count(), 64);
    });
}

/// protocol 6.10, 1.3
#[test]
fn a_list_of_rooms_is_as_long_as_fits_a_frame() {
    let time = VirtualTime::new(75);
    time.run(async {
        let hall =
            Hall::with(&time, Limits::default().unlimited(), Arc::new(MemoryLog::new(1 << 24, 7))).await;
        let mut ana = hall.enter("ana", 1).await;
        let topic = "t".repeat(1024);
        for n in 0..64 {
            let room = format!("{n:02}{}", "r".repeat(62));
            ana.join(&room, None).await;
            let id = ana.next_id();
            ana.ask_as(id, format!(r#"{{"type":"topic","id":{id},"room":"{room}","text":"{topic}"}}"#)).await;
            ana.has_heard(|_| false).await;
            ana.forget();
        }
        match ana.ask(|id| Request::Rooms(RoomList { id })).await {
            Event::Rooms(list) => {
                assert_eq!(list.total, 64);
                assert!((50..64).contains(&list.rooms.len()), "{}", list.rooms.len());
                let bytes = write(&Event::Rooms(list)).len();
                assert!((MAX_FRAME - 2000..=MAX_FRAME).contains(&bytes), "{bytes}");
            }
            other => panic!("{other:?}"),
        }
    });
}
