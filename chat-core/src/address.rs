//! Where a server is: a scheme that names the transport, and the rest, which only that transport understands.

use std::{fmt, str::FromStr};

mod host_port;

pub use host_port::HostPort;

/// An address such as `tcp://192.168.1.7:7000` or `unix:///run/chat`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Address {
    url: String,
    scheme_len: usize,
}

impl Address {
    /// An address of `scheme` with `rest` after the slashes. For transports, which know both to be right.
    ///
    /// # Errors
    /// When the two do not make an address.
    pub fn new(scheme: &str, rest: impl fmt::Display) -> Result<Address, AddressError> {
        format!("{scheme}://{rest}").parse()
    }

    /// The part before `://`, in lower case.
    pub fn scheme(&self) -> &str {
        &self.url[..self.scheme_len]
    }

    /// The part after `://`, never empty.
    pub fn rest(&self) -> &str {
        &self.url[self.scheme_len + SEPARATOR.len()..]
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(raw: &str) -> Result<Address, AddressError> {
        let raw = raw.trim();
        let Some((scheme, rest)) = raw.split_once(SEPARATOR) else {
            return Err(AddressError::NoScheme { raw: raw.to_owned() });
        };
        let well_formed = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
        if !well_formed {
            return Err(AddressError::BadScheme { scheme: scheme.to_owned() });
        }
        if rest.is_empty() || rest.contains(|c: char| c.is_control() || c.is_whitespace()) {
            return Err(AddressError::BadRest { raw: raw.to_owned() });
        }
        let scheme = scheme.to_ascii_lowercase();
        Ok(Address { scheme_len: scheme.len(), url: format!("{scheme}{SEPARATOR}{rest}") })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

/// Why something is not an address.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// Nothing usable follows the scheme.
    #[error("{raw:?} names no host; write it like tcp://192.168.1.7:7000")]
    BadRest {
        /// What was given.
        raw: String,
    },
    /// The scheme is not one word of letters and digits (RFC 3986, section 3.1).
    #[error("{scheme:?} cannot name a transport; write it like tcp://192.168.1.7:7000")]
    BadScheme {
        /// What was given before `://`.
        scheme: String,
    },
    /// There is no `://`.
    #[error("{raw:?} does not say which transport; write it like tcp://192.168.1.7:7000")]
    NoScheme {
        /// What was given.
        raw: String,
    },
}

const SEPARATOR: &str = "://";
