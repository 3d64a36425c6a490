//! What a client says of the password over one link: it proves the password and has the server prove it (protocol 20), or
//! sends it as it is.

use super::config::Password;
use crate::{
    pake::{Initiator, PASSWORD, Share, Tag, from_text, to_text},
    transport::Binding,
    wire::{Code, Error, Hello, Prove},
};

/// How far the password is proved over one link.
#[derive(Debug)]
pub struct Proof(State);

enum State {
    /// There is no password.
    None,
    /// The link is not encrypted, and the password may be sent all the same.
    InClear(String),
    /// The client's share is sent.
    Begun(Initiator),
    /// The server has proved the password, and the client proves it by this tag.
    Done(Share, Tag),
}

impl Proof {
    /// Begins with `password` over a link with this binding, if it is encrypted. `random` are bytes that nobody can guess,
    /// new for each link.
    ///
    /// # Errors
    /// When the password must not be sent over this link.
    pub fn begin(
        password: Option<&Password>,
        binding: Option<&Binding>,
        random: [u8; 64],
    ) -> Result<Proof, Error> {
        let Some(password) = password else { return Ok(Proof::none()) };
        match binding {
            Some(binding) => {
                let initiator = Initiator::new(password.text.as_bytes(), PASSWORD, binding, random);
                Ok(Proof(State::Begun(initiator)))
            }
            None if password.in_clear => Ok(Proof(State::InClear(password.text.clone()))),
            None => Err(Error::of(None, Code::Unsupported, NOT_ENCRYPTED)),
        }
    }

    /// For a client without a password.
    pub(super) fn none() -> Proof {
        Proof(State::None)
    }

    /// Adds to `hello` what it has to say of the password now.
    pub fn fill(&self, hello: &mut Hello<'_>) {
        match &self.0 {
            State::None => {}
            State::InClear(password) => hello.password = Some(password.clone().into()),
            State::Begun(initiator) => hello.pake = Some(to_text(&initiator.share()).into()),
            State::Done(share, tag) => {
                (hello.pake, hello.tag) = (Some(to_text(share).into()), Some(to_text(tag).into()));
            }
        }
    }

    /// Takes the server's answer to the share. Returns whether `hello` has to be sent again, with what is to be said now.
    ///
    /// # Errors
    /// When the server has not proved the password; then the link has to be dropped.
    pub fn answered(&mut self, prove: &Prove) -> Result<bool, Error> {
        // An answer to a hello that was sent twice, or one that nobody asked for.
        let State::Begun(initiator) = &self.0 else { return Ok(false) };
        let tag = match (from_text(&prove.pake), from_text(&prove.tag)) {
            (Some(share), Some(tag)) => initiator.finish(&share, &tag),
            _ => None,
        };
        let tag = tag.ok_or_else(|| Error::of(None, Code::BadPassword, UNPROVED))?;
        self.0 = State::Done(initiator.share(), tag);
        Ok(true)
    }

    /// Looks at a server that lets the client in.
    ///
    /// # Errors
    /// When the server has not proved the password: any server could let the client in. Then the link has to be dropped.
    pub fn welcomed(&self) -> Result<(), Error> {
        match &self.0 {
            State::Begun(_) => Err(Error::of(None, Code::BadPassword, ASKS_FOR_NONE)),
            _ => Ok(()),
        }
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            State::None => "None",
            State::InClear(_) => "InClear",
            State::Begun(_) => "Begun",
            State::Done(..) => "Done",
        })
    }
}

/// Why a client with a password goes no further over a link.
const NOT_ENCRYPTED: &str = "the link to this server is not encrypted, and a password is not sent where anybody could \
     read it: connect with encryption";
/// Why a client ends that was given another password than the server.
const UNPROVED: &str = "the server does not know this password, or is another server: check both";
/// Why a client with a password ends that was let in without one.
const ASKS_FOR_NONE: &str = "this server asks for no password, so it has not proved that it is the one the password is \
     for; to join it all the same, give no password";
