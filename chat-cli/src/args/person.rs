//! The flags that say who joins.

use std::path::PathBuf;

use chat_core::{Address, PersonName};
use clap::Args;

/// The flags that say who joins.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Person {
    /// Your name [default: the name of the settings or the login name, with -2 to -9 appended if it is in use]
    #[arg(long, value_name = "NAME", value_parser = PersonName::parse)]
    pub(crate) name: Option<PersonName>,
    /// The first line of FILE is the server's password. It is sent to the server that you name; for one that is found on
    /// the network you are asked first
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Do not encrypt, and do not check which server it is: everyone on the way can read and change what is said. For servers
    /// that do not encrypt
    #[arg(long)]
    pub(crate) unencrypted: bool,
    /// The name from the settings, used if --name is missing.
    #[arg(skip)]
    pub(crate) usual_name: Option<PersonName>,
    /// The password from the settings, used if --password-file is missing.
    #[arg(skip)]
    pub(crate) usual_password: Option<UsualPassword>,
}

/// A password of the settings.
#[derive(Clone, Debug)]
pub(crate) struct UsualPassword {
    /// The file whose first line it is.
    pub(crate) file: PathBuf,
    /// The server that the settings name beside it, for which alone it is then meant.
    pub(crate) server: Option<Address>,
}
