//! Answers, direct messages, and what everybody believes about who is in.

use std::collections::{BTreeMap, BTreeSet};

use chat_core::{
    client::Update,
    wire::{Code, Event, INBOX, RequestBody},
};

use super::{
    super::{What, plan},
    Rule,
    case::{Answer, Case},
};

pub(super) fn check(case: &mut Case<'_>) {
    answered(case);
    told_once(case);
    let belief = Belief::of(case);
    belief.check(case);
}

/// Who lives is answered exactly once, who died at most; and nobody is thrown out who has done nothing.
fn answered(case: &mut Case<'_>) {
    let mut found = Vec::new();
    for ((who, tag), asked) in &case.asked {
        let count = asked.answers.len();
        if count > 1 || (count == 0 && case.lives(*who, asked.life)) {
            let at = asked.answers.get(1).map_or(asked.at, |(at, _)| *at);
            found.push((at, format!("request {tag} of {} is answered {count} times", plan::name(*who))));
        }
        for (at, answer) in &asked.answers {
            if !fits(asked.request, answer) {
                found.push((*at, format!("{:?} is answered by {answer:?}", asked.request)));
            }
        }
    }
    let report = case.report;
    let mut refused: BTreeSet<(usize, u32)> = BTreeSet::new();
    for (at, it) in report.history.iter().enumerate() {
        let Some(who) = it.who else { continue };
        match &it.what {
            // A name that an earlier life still has.
            What::Told(Update::Refused(error)) if error.code == Code::NameTaken && it.life > 0 => {
                refused.insert((who, it.life));
            }
            What::Over if !refused.contains(&(who, it.life)) => {
                found.push((at, format!("{} is thrown out", plan::name(who))));
            }
            _ => {}
        }
    }
    found.into_iter().for_each(|(at, what)| case.against(Rule::AnsweredOnce, Some(at), what));
}

fn fits(request: &RequestBody<'static>, answer: &Answer<'_>) -> bool {
    let reply = match (request, answer) {
        (RequestBody::Join(_), Answer::Joined) => return true,
        (_, Answer::Joined) => return false,
        (_, Answer::Reply(reply)) => reply,
    };
    let code = match reply {
        Event::Error(error) => Some(error.code),
        _ => None,
    };
    let failed = code == Some(Code::StorageFailed);
    match request {
        RequestBody::Post(post) if post.person().is_some() => {
            code == Some(Code::NotHere) || matches!(reply, Event::Ack(_))
        }
        RequestBody::Post(_) => failed || code == Some(Code::NotJoined) || matches!(reply, Event::Ack(_)),
        RequestBody::Leave(_) => code == Some(Code::NotJoined) || matches!(reply, Event::Left(_)),
        RequestBody::Who(_) => code == Some(Code::NoSuchRoom) || matches!(reply, Event::Members(_)),
        RequestBody::History(_) => failed || code == Some(Code::NotJoined) || matches!(reply, Event::Page(_)),
        RequestBody::Search(_) => failed || matches!(reply, Event::Found(_)),
        RequestBody::Rooms(_) => matches!(reply, Event::Rooms(_)),
        _ => false,
    }
}

/// A direct message is told at most once in a session, and exactly once to somebody whose session went on.
fn told_once(case: &mut Case<'_>) {
    let report = case.report;
    let (mut found, mut disorder) = (Vec::new(), Vec::new());
    // By reader and text: where it was told, in this session.
    let mut told: BTreeMap<(usize, &str), usize> = BTreeMap::new();
    let mut last: BTreeMap<(usize, &str), u64> = BTreeMap::new();
    let mut session: BTreeMap<usize, usize> = BTreeMap::new();
    for (at, it) in report.history.iter().enumerate() {
        let Some(who) = it.who else { continue };
        match &it.what {
            What::Told(Update::Connected(welcome)) if !welcome.resumed => {
                told.retain(|(reader, _), _| *reader != who);
                last.retain(|(reader, _), _| *reader != who);
                session.insert(who, at);
            }
            What::Told(Update::Entry(entry)) if entry.room == INBOX => {
                if told.insert((who, &entry.body.text), at).is_some() {
                    found.push((at, format!("{:?} is told twice", entry.body.text)));
                }
                let asked = case.texts.get(entry.body.text.as_str());
                let request = asked.and_then(|key| case.asked.get(key)).map(|it| it.request);
                let to = entry.to.as_deref().unwrap_or_default();
                let is_it = matches!(request, Some(RequestBody::Post(post)) if post.person() == Some(to));
                let Some((from, tag)) =
                    asked.filter(|(from, _)| is_it && plan::name(*from) == entry.author.name)
                else {
                    found.push((at, format!("{:?} was never told", entry.body.text)));
                    continue;
                };
                if plan::name(who) != to && *from != who {
                    found.push((at, format!("{:?} is for {to} alone", entry.body.text)));
                }
                // In another session a repetition may find somebody whom the first try did not.
                let since = case.asked.get(&(*from, *tag)).map_or(at, |it| it.at);
                let once = !case.lost_a_session(*from, since..at);
                let ordered = *from != who && once;
                if ordered && last.insert((who, plan::name(*from)), *tag).is_some_and(|last| last > *tag) {
                    disorder.push((at, format!("{:?} is told after what was said later", entry.body.text)));
                }
            }
            _ => {}
        }
    }
    for asked in case.asked.values() {
        let (RequestBody::Post(post), [(_, Answer::Reply(Event::Ack(_)))]) =
            (asked.request, &asked.answers[..])
        else {
            continue;
        };
        let Some(to) = post.person() else { continue };
        let reader = (0..case.plan.people.len()).find(|who| plan::name(*who) == to);
        let Some(reader) = reader.filter(|who| case.alive.contains_key(who)) else { continue };
        let went_on = session.get(&reader).is_some_and(|since| *since < asked.at);
        if went_on && !told.contains_key(&(reader, post.text.as_ref())) {
            found.push((asked.at, format!("{:?} never comes to {}", post.text, to)));
        }
    }
    found.into_iter().for_each(|(at, what)| case.against(Rule::ToldOnce, Some(at), what));
    disorder.into_iter().for_each(|(at, what)| case.against(Rule::SenderOrder, Some(at), what));
}

/// Who is in which room, as everybody believes in the end.
#[derive(Default)]
struct Belief<'a> {
    /// By person and room, while they are in it.
    members: BTreeMap<(usize, &'a str), BTreeSet<&'a str>>,
    /// The last time that somebody asked: who, where, and what the answer was.
    asked: BTreeMap<(usize, &'a str), (usize, BTreeSet<&'a str>)>,
}

impl<'a> Belief<'a> {
    fn of(case: &Case<'a>) -> Belief<'a> {
        let mut belief = Belief::default();
        for (at, it) in case.report.history.iter().enumerate() {
            let Some(who) = it.who else { continue };
            match &it.what {
                What::Begins(_) | What::Killed | What::Over => {
                    belief.members.retain(|(it, _), _| *it != who);
                    belief.asked.retain(|(it, _), _| *it != who);
                }
                What::Told(update) => belief.take_in(case, who, at, update),
                _ => {}
            }
        }
        belief
    }

    fn take_in(&mut self, case: &Case<'a>, who: usize, at: usize, update: &'a Update) {
        match update {
            Update::Joined { joined, .. } if joined.room != INBOX => {
                let members = joined.members.iter().map(String::as_str).collect();
                self.members.insert((who, &joined.room), members);
            }
            Update::Presence(presence) => {
                if let Some(members) = self.members.get_mut(&(who, presence.room.as_str())) {
                    members.extend(presence.entered.iter().map(String::as_str));
                    presence.left.iter().for_each(|it| _ = members.remove(it.as_str()));
                }
            }
            Update::Members(it) => {
                if let Some(members) = self.members.get_mut(&(who, it.room.as_str())) {
                    *members = it.members.iter().map(String::as_str).collect();
                }
            }
            Update::LostRoom { room, .. } => _ = self.members.remove(&(who, room.as_str())),
            Update::Reply { tag, reply } => {
                let room = match case.asked.get(&(who, *tag)).map(|it| it.request) {
                    Some(RequestBody::Leave(it)) => it.room.as_ref(),
                    Some(RequestBody::Join(it)) => it.room.as_ref(),
                    Some(RequestBody::Who(it)) => {
                        let members = match reply {
                            Event::Members(it) => it.members.iter().map(String::as_str).collect(),
                            _ => BTreeSet::new(),
                        };
                        self.asked.insert((who, it.room.as_ref()), (at, members));
                        return;
                    }
                    _ => return,
                };
                self.members.remove(&(who, room));
            }
            _ => {}
        }
    }

    fn check(&self, case: &mut Case<'_>) {
        for ((who, room), (at, answer)) in &self.asked {
            let is_in: BTreeSet<&str> =
                self.members.keys().filter(|(_, it)| it == room).map(|(who, _)| plan::name(*who)).collect();
            if *answer != is_in {
                let what = format!("{room} has {answer:?}, but those who are in it are {is_in:?}");
                case.against(Rule::Presence, Some(*at), what);
            }
            if let Some(believed) = self.members.get(&(*who, room)).filter(|it| *it != answer) {
                let what = format!("{} believes {believed:?}, but {room} has {answer:?}", plan::name(*who));
                case.against(Rule::Presence, Some(*at), what);
            }
        }
    }
}
