//! What a connection inside is for: a name, or an address that a rule names.

use std::fmt;
use std::net::IpAddr;
use std::rc::Rc;

/// The host that a program inside means.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Target {
    /// A host name in lower case, in ASCII, without a trailing dot.
    Name(Rc<str>),
    /// An address that was written as such.
    Address(IpAddr),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(address) => write!(f, "{address}"),
        }
    }
}
