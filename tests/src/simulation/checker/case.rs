//! A history with an index: who asked for what, and what was answered.

use std::{collections::BTreeMap, ops::Range};

use chat_core::{
    client::Update,
    wire::{Event, RequestBody},
};

use super::{
    super::{Happening, Plan, Report, What},
    Rule, Violation,
};

/// Everything there is to judge, and the judgement so far.
pub(super) struct Case<'a> {
    pub(super) report: &'a Report,
    pub(super) plan: &'a Plan,
    /// By person and tag.
    pub(super) asked: BTreeMap<(usize, u64), Asked<'a>>,
    /// Whose a text is.
    pub(super) texts: BTreeMap<&'a str, (usize, u64)>,
    /// The last life of each person, if it lasts to the end.
    pub(super) alive: BTreeMap<usize, u32>,
    pub(super) violations: Vec<Violation>,
}

/// A request and its answers, with their places in the history.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) life: u32,
    pub(super) at: usize,
    pub(super) request: &'a RequestBody<'static>,
    pub(super) answers: Vec<(usize, Answer<'a>)>,
}

/// An answer as the client tells it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer<'a> {
    Joined,
    Reply(&'a Event),
}

impl<'a> Case<'a> {
    pub(super) fn open(report: &'a Report, plan: &'a Plan) -> Case<'a> {
        let mut case = Case {
            report,
            plan,
            asked: BTreeMap::new(),
            texts: BTreeMap::new(),
            alive: BTreeMap::new(),
            violations: Vec::new(),
        };
        for (at, happening) in report.history.iter().enumerate() {
            if let Some(who) = happening.who {
                case.take_in(at, who, happening);
            }
        }
        case
    }

    fn take_in(&mut self, at: usize, who: usize, happening: &'a Happening) {
        let life = happening.life;
        match &happening.what {
            What::Begins(_) => {
                self.alive.insert(who, life);
            }
            What::Killed | What::Over => {
                self.alive.remove(&who);
            }
            What::Asks(tag, request) => {
                self.asked.insert((who, *tag), Asked { life, at, request, answers: Vec::new() });
                if let Some(text) = text(request) {
                    self.texts.insert(text, (who, *tag));
                }
            }
            What::Told(Update::Joined { tag: Some(tag), .. }) => self.answer(at, who, *tag, Answer::Joined),
            What::Told(Update::Reply { tag, reply }) => self.answer(at, who, *tag, Answer::Reply(reply)),
            _ => {}
        }
    }

    fn answer(&mut self, at: usize, who: usize, tag: u64, answer: Answer<'a>) {
        match self.asked.get_mut(&(who, tag)) {
            Some(asked) => asked.answers.push((at, answer)),
            None => self.against(Rule::AnsweredOnce, Some(at), format!("nobody asked under tag {tag}")),
        }
    }

    pub(super) fn against(&mut self, rule: Rule, at: Option<usize>, what: String) {
        self.violations.push(Violation { rule, what, at });
    }

    /// Whether somebody began another session between two places in the history.
    pub(super) fn lost_a_session(&self, who: usize, between: Range<usize>) -> bool {
        let another = |it: &Happening| matches!(&it.what, What::Told(Update::Connected(it)) if !it.resumed);
        self.report.history[between].iter().any(|it| it.who == Some(who) && another(it))
    }

    /// Whether that is the life that lasts to the end.
    pub(super) fn lives(&self, who: usize, life: u32) -> bool {
        self.alive.get(&who) == Some(&life)
    }
}

/// The text of a message that is stored in a room or an inbox.
pub(super) fn text<'a>(request: &'a RequestBody<'static>) -> Option<&'a str> {
    match request {
        RequestBody::Post(post) => Some(&post.text),
        _ => None,
    }
}
