//! The flags that say who joins.

use std::path::PathBuf;

use chat_core::PersonName;
use clap::Args;

/// The flags that say who joins.
#[derive(Args, Clone, Debug)]
pub(crate) struct Person {
    /// Your name [default: the name of the settings or the login name, with -2 to -9 appended if it is in use]
    #[arg(long, value_name = "NAME", value_parser = PersonName::parse)]
    pub(crate) name: Option<PersonName>,
    /// The first line of FILE is the server's password
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// The name from the settings, used if --name is missing.
    #[arg(skip)]
    pub(crate) usual_name: Option<PersonName>,
}
