//! Says hello as one who was told a password, rightly or wrongly (protocol 20).

use chat_core::{
    pake::{self, Initiator, PASSWORD, Tag},
    transport::Binding,
    wire::{Error, Event, Hello, Prove, Welcome},
};

use super::RawClient;

impl RawClient {
    /// Says hello as one who was told that this is the password, and gives the answer: over a link with this binding, which
    /// is encrypted, by a proof, and otherwise in the clear. A client that was told a wrong password makes a tag up.
    ///
    /// # Panics
    /// When there is no answer in ten seconds.
    pub async fn say_hello_with(
        &mut self,
        password: &str,
        binding: Option<&Binding>,
        hello: &Hello<'_>,
    ) -> Option<Result<Welcome, Error>> {
        let Some(binding) = binding else {
            return self
                .say_hello(&Hello { password: Some(password.to_owned().into()), ..hello.clone() })
                .await;
        };
        let random = pake::random(&*self.runtime);
        let initiator = Initiator::new(password.as_bytes(), PASSWORD, binding, random);
        let mut hello = Hello { pake: Some(pake::to_text(&initiator.share()).into()), ..hello.clone() };
        let prove = match self.begin_proof(&hello).await? {
            Ok(prove) => prove,
            Err(error) => return Some(Err(error)),
        };
        let tag = checked(&initiator, &prove).unwrap_or([7; 64]);
        hello.tag = Some(pake::to_text(&tag).into());
        self.say_hello(&hello).await
    }

    /// Says hello with a share, and gives the server's proof or its refusal.
    ///
    /// # Panics
    /// When there is no answer in ten seconds.
    pub async fn begin_proof(&mut self, hello: &Hello<'_>) -> Option<Result<Prove, Error>> {
        self.answer_to_hello(hello, |event| match event {
            Event::Prove(prove) => Some(Ok(prove.clone())),
            Event::Error(error) => Some(Err(error.clone())),
            _ => None,
        })
        .await
    }
}

/// The client's tag, if the server has proved the password.
fn checked(initiator: &Initiator, prove: &Prove) -> Option<Tag> {
    initiator.finish(&pake::from_text(&prove.pake)?, &pake::from_text(&prove.tag)?)
}
