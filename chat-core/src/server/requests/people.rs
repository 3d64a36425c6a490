//! Requests about keys and names: who somebody is, and which keys a person has (protocol 21.6 to 21.8).

use super::context::Context;
use crate::{
    KeyId, PersonName,
    log::{MAX_KEYS_OF_ONE, PeopleRecord, Person, Record},
    pake::{LINK, Responder, Share, from_text, random, to_text},
    server::{
        limits::BUSY_RETRY_MS,
        link_codes::Linking,
        password::Denied,
        queue::{Asked, Proposal},
        session::State,
    },
    wire::{self, Claimed, Code, Event, KeyOfPerson, Keys, Linked, Prove, Revoked},
};

/// Says who has a name.
pub(crate) fn whois(cx: &Context<'_>, id: u64, whois: &wire::Whois<'_>) {
    let Some(name) = person_name(cx, id, &whois.name) else { return };
    let session = cx.hub.session_of(&name).filter(|session| *session.name() == name);
    let owner = match cx.hub.owner(&name) {
        Some((person, owned)) if owned.name == name => Some((person.id(), owned)),
        _ => None,
    };
    let event = match (owner, session) {
        (Some((key, owned)), session) => wire::Person {
            id,
            name: owned.name.to_string(),
            key: Some(key),
            present: session.is_some_and(|session| cx.hub.person_of(&session) == Some(key)),
            seen: Some(owned.seen),
        },
        (None, Some(session)) => wire::Person {
            id,
            name: session.name().to_string(),
            key: cx.hub.person_of(&session),
            present: true,
            seen: None,
        },
        (None, None) => {
            let message = format!("nobody is called {name}, and the name belongs to nobody");
            return cx.refuse(Some(id), Code::NoSuchPerson, message);
        }
    };
    cx.bring(&Event::Person(event));
}

/// Lists the keys of the client's person.
pub(crate) fn keys(cx: &Context<'_>, id: u64) {
    let Some((key, person)) = own_person(cx, id) else { return };
    let keys = person.keys.iter().map(|known| KeyOfPerson {
        key: known.key,
        since: known.since,
        seen: known.seen,
        this: known.key == key,
    });
    cx.bring(&Event::Keys(Keys { id, keys: keys.collect() }));
}

/// Removes one of the keys of the client's person.
pub(crate) fn revoke(cx: &Context<'_>, id: u64, revoke: wire::Revoke) {
    let Some((own, person)) = own_person(cx, id) else { return };
    let (key, reply) = (revoke.key, Event::Revoked(Revoked { id, key: revoke.key }));
    if !person.has(key) {
        return match cx.hub.is_known(key) {
            true => cx.refuse(Some(id), Code::Unsupported, "that is not one of your keys"),
            false => cx.reply(&reply), // nobody's, as after the same request before
        };
    }
    let others = || person.keys.iter().map(|known| known.key).find(|other| *other != key);
    let Some(stays) = Some(own).filter(|own| *own != key).or_else(others) else {
        return cx.refuse(Some(id), Code::Unsupported, "this is your last key, which cannot be removed");
    };
    propose(cx, id, PeopleRecord::KeyRevoked { key, stays }, reply);
}

/// Issues a code for another machine.
pub(crate) fn link(cx: &Context<'_>, id: u64) {
    let Some((_, person)) = own_person(cx, id) else { return };
    let request = (cx.session.client(), id);
    let (code, good_for) = cx.hub.link_codes.issue(person.id(), request, cx.hub.runtime().random(), cx.now);
    let expires_in_ms = u64::try_from(good_for.as_millis()).unwrap_or(u64::MAX);
    cx.reply(&Event::Linked(Linked { id, code: code.in_groups(), expires_in_ms }));
}

/// Makes the client's key one of another person's, if the client proves to know the code of that person.
pub(crate) fn claim(cx: &Context<'_>, state: &mut State, id: u64, claim: &wire::Claim<'_>) {
    let Some(key) = own_key(cx, id) else { return };
    let Some(name) = person_name(cx, id, &claim.name) else { return };
    let (owner, name) = match cx.hub.owner(&name) {
        Some((person, owned)) if owned.name == name => (Some(person), owned.name),
        _ => (None, name),
    };
    let claimed = Event::Claimed(Claimed { id, name: name.to_string() });
    if owner.as_ref().is_some_and(|person| person.has(key)) {
        return cx.reply(&claimed); // as after the same request before
    }
    let share = from_text::<32>(&claim.pake);
    let tag = claim.tag.as_deref().map(from_text::<64>);
    let (Some(share), None | Some(Some(_))) = (share, tag) else { return bad_code(cx, id) };
    let known = state.linking.take().filter(|linking| *linking.responder.their_share() == share);
    match (known, tag.flatten()) {
        (Some(linking), None) => {
            prove(cx, id, &linking.responder);
            state.linking = Some(linking);
        }
        (Some(linking), Some(tag)) => {
            let Linking { responder, person, code, guess } = *linking;
            if !responder.verify(&tag) || !cx.hub.link_codes.use_up(person, &code, cx.now) {
                return bad_code(cx, id);
            }
            guess.give_back();
            if owner.is_some_and(|person| person.keys.len() >= MAX_KEYS_OF_ONE) {
                let message = format!("{name} has {MAX_KEYS_OF_ONE} keys already; remove one of them first");
                return cx.refuse(Some(id), Code::TooMany, message);
            }
            propose(cx, id, PeopleRecord::KeyLinked { key, with: person, at: cx.hub.time_of_day() }, claimed);
        }
        (None, Some(_)) => bad_code(cx, id),
        (None, None) => begin(cx, state, id, owner.map(|person| person.id()), &share),
    }
}

/// Begins the proof of a code, which pays for one guess.
fn begin(cx: &Context<'_>, state: &mut State, id: u64, person: Option<KeyId>, share: &Share) {
    let guess = match cx.hub.password.guess(&state.payers.host, &cx.hub.limits(), cx.now) {
        Ok(guess) => guess,
        Err(denied) => {
            let (Denied::TooMany(wait) | Denied::Busy(wait)) = denied else { return bad_code(cx, id) };
            let message = "too many wrong codes and passwords from your address; try again later";
            return cx.refuse_for_now(id, Code::RateLimited, message, wait);
        }
    };
    let code =
        person.and_then(|person| cx.hub.link_codes.try_once(person, cx.now).map(|code| (person, code)));
    let Some(((person, code), binding)) = code.zip(cx.binding) else { return bad_code(cx, id) };
    let responder = Responder::new(code.digits(), LINK, &binding, random(&**cx.hub.runtime()), share);
    let Some(responder) = responder else { return bad_code(cx, id) };
    prove(cx, id, &responder);
    state.linking = Some(Box::new(Linking { responder, person, code, guess }));
}

fn prove(cx: &Context<'_>, id: u64, responder: &Responder) {
    let (pake, tag) = (to_text(&responder.share()), to_text(&responder.tag()));
    cx.reply(&Event::Prove(Prove { id: Some(id), pake, tag }));
}

fn bad_code(cx: &Context<'_>, id: u64) {
    let message = "a wrong code, or one that is not good any more, or a name for which there is none";
    cx.refuse(Some(id), Code::BadCode, message);
}

/// Has the log apply a record, whose reply comes once it is applied. The same request that comes meanwhile is dropped.
fn propose(cx: &Context<'_>, id: u64, record: PeopleRecord, reply: Event) {
    let mailbox = cx.session.mailbox();
    if mailbox.is_with_broker(id) {
        return;
    }
    mailbox.asked_broker(id);
    let asked = Some(Asked { mailbox: mailbox.clone(), id, reply });
    if !cx.hub.queue().propose(Proposal { record: Record::People(record), asked }) {
        mailbox.settled(id);
        let wait = std::time::Duration::from_millis(BUSY_RETRY_MS);
        cx.refuse_for_now(id, Code::Busy, "the server has too much to store; try again", wait);
    }
}

/// The key of this session, which a guest lacks.
fn own_key(cx: &Context<'_>, id: u64) -> Option<KeyId> {
    let key = cx.session.key();
    if key.is_none() {
        let message = "you are a guest: your link is not encrypted, so that you have no key";
        cx.refuse(Some(id), Code::Unsupported, message);
    }
    key
}

/// The client's key and person.
fn own_person(cx: &Context<'_>, id: u64) -> Option<(KeyId, Person)> {
    let key = own_key(cx, id)?;
    let person = cx.hub.owners.people().person(key).cloned();
    if person.is_none() {
        let message = "your name belongs to nobody, because too many names were claimed of late";
        cx.refuse(Some(id), Code::Unsupported, message);
    }
    Some((key, person?))
}

fn person_name(cx: &Context<'_>, id: u64, name: &str) -> Option<PersonName> {
    PersonName::parse(name).inspect_err(|error| cx.refuse(Some(id), Code::BadName, error.to_string())).ok()
}
