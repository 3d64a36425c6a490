//! Handshakes by ticket that succeed, that are refused, and that a machine in between has changed.

use chat_core::wire::Code;
use chat_testkit::virtual_time::VirtualTime;

use super::*;
use crate::{
    StaticKey, handshake,
    handshake::{Initiator, Responder},
    record::{Numbers, next_frame},
};

const DICE: Dice = Dice { ephemeral: [6; 32], secret: [7; 32] };

/// A client and a server that know each other.
struct Known {
    time: VirtualTime,
    client: KeyId,
    server: KeyId,
    keys: TicketKeys,
    ticket: Ticket,
}

impl Known {
    fn new(seed: u64) -> Known {
        let (client, server) = (StaticKey::from_private([1; 32]), StaticKey::from_private([2; 32]));
        let (at_client, at_server) = handshake::between(Suite::AesGcm, &client, &server);
        let time = VirtualTime::new(seed);
        let keys = TicketKeys::in_memory(time.shared());
        let ticket = Ticket::between(&at_client, &at_server, &keys);
        Known { time, client: client.id(), server: server.id(), keys, ticket }
    }

    fn recognise(&self, first: &[u8]) -> Result<Recognising, NotResumed> {
        Recognising::new(first, self.server, &self.keys, DICE)
    }

    fn begin(&self, suite: Suite) -> (Returning, Recognising) {
        let returning = Returning::new(suite, &self.ticket, [8; 32]);
        let recognising = self.recognise(&returning.first()).unwrap();
        (returning, recognising)
    }
}

impl Drop for Known {
    fn drop(&mut self) {
        self.time.end();
    }
}

fn sealed_by(keys: Keys) -> Bytes {
    let (mut sealer, _) = keys.into_records(Numbers::Written);
    let mut record = Vec::new();
    sealer.gather(b"{}", &mut record);
    sealer.seal(&mut record);
    record.into()
}

fn opened_by(keys: Keys, record: &Bytes) -> Option<Bytes> {
    let (_, mut opener) = keys.into_records(Numbers::Written);
    next_frame(&mut opener.open(record.clone())?).unwrap()
}

/// protocol 19.17, protocol 19.20
#[test]
fn both_ends_know_each_other_again_and_get_keys_of_this_link() {
    let known = Known::new(1);
    for suite in Suite::ALL {
        let (mut returning, recognising) = known.begin(suite);
        assert_eq!(returning.answer(&recognising.second()), Ok(known.server));
        let (at_client, at_server) = (returning.finish().unwrap(), recognising.finish());
        assert_eq!((at_client.peer(), at_server.peer()), (known.server, known.client));
        assert_eq!(at_client.hash(), at_server.hash());
        // The next ticket has the secret of this handshake and the time of the proof.
        let next = Ticket::between(&at_client, &at_server, &known.keys);
        assert!(next.secret == DICE.secret && next.secret != known.ticket.secret);
        let proved = |ticket: &Ticket| known.keys.open(&ticket.sealed, known.server).unwrap().proved;
        assert_eq!(proved(&next), proved(&known.ticket));
        let record = sealed_by(at_client);
        assert_eq!(opened_by(at_server, &record).as_deref(), Some(&b"{}"[..]));
    }
}

/// protocol 19.17
#[test]
fn the_frames_are_those_of_the_protocol() {
    let known = Known::new(1);
    let (returning, recognising) = known.begin(Suite::AesGcm);
    let first = String::from_utf8(returning.first().to_vec()).unwrap();
    let begins = r#"{"type":"secure","protocol":1,"suite":"Noise_NNpsk0_25519_AESGCM_SHA256","ticket":""#;
    assert!(first.starts_with(begins), "{first}");
    let lengths = [returning.first(), recognising.second()]
        .map(|frame| message::parse(&frame).unwrap().noise.unwrap().len());
    assert_eq!(lengths, [48, 80]);
    let NotResumed::Unknown(told) = known.recognise(&other_ticket(&known)).unwrap_err() else { panic!() };
    assert_eq!(told, r#"{"type":"secure"}"#);
}

/// The first frame of a client whose ticket another server has sealed.
fn other_ticket(known: &Known) -> Bytes {
    let other = Known::new(2);
    let ticket = Ticket { sealed: other.ticket.sealed.clone(), ..known.ticket.clone() };
    Returning::new(Suite::AesGcm, &ticket, [8; 32]).first()
}

/// A machine that has seen the first frame sends it again: the server computes an answer, as for each first frame, but the
/// machine cannot seal a record. (protocol 19.20.1)
#[test]
fn a_first_frame_that_is_sent_again_proves_nothing() {
    let known = Known::new(1);
    let (mut returning, recognising) = known.begin(Suite::AesGcm);
    returning.answer(&recognising.second()).unwrap();
    let record = sealed_by(returning.finish().unwrap());
    assert!(opened_by(recognising.finish(), &record).is_some());
    let first = Returning::new(Suite::AesGcm, &known.ticket, [8; 32]).first();
    let other = Dice { ephemeral: [9; 32], secret: [10; 32] };
    let again = Recognising::new(&first, known.server, &known.keys, other).unwrap();
    assert_eq!(opened_by(again.finish(), &record), None, "the record of the link before");
}

/// Who has seen a ticket but not its secret is a client without a ticket. (protocol 19.20)
#[test]
fn a_ticket_without_its_secret_is_worth_nothing() {
    let known = Known::new(1);
    let stolen = Ticket { secret: [0; 32], ..known.ticket.clone() };
    let first = Returning::new(Suite::AesGcm, &stolen, [8; 32]).first();
    assert!(matches!(known.recognise(&first), Err(NotResumed::Unknown(_))));
}

/// protocol 19.20
#[test]
fn a_change_of_either_frame_is_noticed() {
    let known = Known::new(1);
    let mut outcomes = [0; 3];
    for bit in [0, 1, 5] {
        let (mut returning, recognising) = known.begin(Suite::ChaChaPoly);
        let second = recognising.second();
        for at in 0..returning.first().len() {
            let mut first = returning.first().to_vec();
            first[at] ^= 1 << bit;
            match known.recognise(&first) {
                Ok(recognised) => panic!("{:?} {recognised:?}", String::from_utf8_lossy(&first)),
                Err(NotResumed::NoTicket) => outcomes[0] += 1,
                Err(NotResumed::Unknown(_)) => outcomes[1] += 1,
                Err(NotResumed::Refused(_)) => outcomes[2] += 1,
            }
        }
        for at in 0..second.len() {
            let mut changed = second.to_vec();
            changed[at] ^= 1 << bit;
            assert!(returning.answer(&changed).is_err(), "{:?}", String::from_utf8_lossy(&changed));
        }
        assert_eq!(returning.answer(&second), Ok(known.server), "the right one still counts");
    }
    assert!(outcomes.iter().all(|count| *count > 50), "{outcomes:?}");
}

/// protocol 19.17
#[test]
fn another_version_or_suite_is_unsupported() {
    let known = Known::new(1);
    let first = String::from_utf8(known.begin(Suite::AesGcm).0.first().to_vec()).unwrap();
    let pairs = [
        ("\"protocol\":1", "\"protocol\":2"),
        ("NNpsk0", "XX"),
        ("NNpsk0", "NNpsk2"),
        ("AESGCM", "ChaChaPoly"),
    ];
    for (from, to) in pairs {
        let changed = first.replace(from, to);
        match known.recognise(changed.as_bytes()) {
            Err(NotResumed::Refused(error)) => assert_eq!(error.code, Code::Unsupported),
            // The suite is a part of what both ends hash.
            Err(NotResumed::Unknown(_)) => assert_eq!(to, "ChaChaPoly"),
            other => panic!("{other:?}"),
        }
    }
}

/// protocol 19.17
#[test]
fn a_frame_without_ticket_is_none_of_these() {
    let known = Known::new(1);
    let full = Initiator::new(Suite::AesGcm, &StaticKey::from_private([1; 32]), [3; 32]).first();
    for frame in [&full[..], br#"{"type":"hello"}"#, b"", br#"{"type":"secure","ticket":"AAAA"}"#] {
        assert_eq!(known.recognise(frame).unwrap_err(), NotResumed::NoTicket);
    }
    // And the handshake in full takes none of these.
    let (returning, _) = known.begin(Suite::AesGcm);
    let server = StaticKey::from_private([2; 32]);
    assert!(Responder::new(returning.first(), &server, DICE).is_err());
}
