//! How far the client of one link has come with proving the password (protocol 20).

use super::{Denied, Guess, Shown};
use crate::{
    Runtime,
    pake::{PASSWORD, Responder, Share, from_text, random, to_text},
    server::accounts::Held,
    transport::Binding,
    wire::{Hello, Prove},
};

/// The proof of one link: at most one exchange, which a hello with another share replaces.
#[derive(Debug, Default)]
pub(crate) struct Proof {
    exchange: Option<Box<Exchange>>,
}

/// One exchange, whose answer is kept for a client that did not get it.
#[derive(Debug)]
pub(super) struct Exchange {
    responder: Responder,
    /// What the exchange has cost, until the client has proved the password. Dropping it keeps the cost.
    cost: Option<Cost>,
}

/// The guess that was paid for, and the place among those that are to be answered.
type Cost = (Guess, Option<Held>);

impl Proof {
    /// What `hello` shows. `begin` begins an exchange for a share that is new.
    ///
    /// # Errors
    /// Why the client is not let in.
    pub(super) fn show(
        &mut self,
        hello: &Hello<'_>,
        begin: impl FnOnce(&Share) -> Result<Exchange, Denied>,
    ) -> Result<Shown, Denied> {
        let share: Share =
            from_text(hello.pake.as_deref().ok_or(Denied::Missing)?).ok_or(Denied::Malformed)?;
        let tag = hello.tag.as_deref().map(|tag| from_text(tag).ok_or(Denied::Malformed)).transpose()?;
        let known = self.exchange.as_mut().filter(|exchange| *exchange.responder.their_share() == share);
        match (known, tag) {
            (Some(exchange), Some(tag)) if exchange.responder.verify(&tag) => {
                if let Some((guess, _)) = exchange.cost.take() {
                    guess.give_back();
                }
                Ok(Shown::Known)
            }
            (_, Some(_)) => Err(Denied::Wrong),
            (Some(exchange), None) => Ok(exchange.answer()),
            (None, None) => Ok(self.exchange.insert(Box::new(begin(&share)?)).answer()),
        }
    }
}

impl Exchange {
    /// Answers a client's share; nothing if it is none.
    pub(super) fn new(
        password: &str,
        binding: &Binding,
        runtime: &dyn Runtime,
        share: &Share,
        cost: Cost,
    ) -> Option<Exchange> {
        let random = random(runtime);
        let responder = Responder::new(password.as_bytes(), PASSWORD, binding, random, share)?;
        Some(Exchange { responder, cost: Some(cost) })
    }

    fn answer(&self) -> Shown {
        let (pake, tag) = (to_text(&self.responder.share()), to_text(&self.responder.tag()));
        Shown::Begun(Prove { id: None, pake, tag })
    }
}
