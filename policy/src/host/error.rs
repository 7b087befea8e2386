//! Why a text is not a host rule.

use thiserror::Error;

use crate::group::Group;

/// Why a text is not a host rule, or not a host.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HostError {
    /// It has a character that no host name has, or an empty or overlong part.
    #[error("\"{text}\" is not a host name")]
    NotAName {
        /// The text, escaped.
        text: String,
    },
    /// A name in another script whose ASCII form is not beyond doubt.
    #[error("\"{text}\" cannot be turned into ASCII without doubt: {why}")]
    Unclear {
        /// The name, as written.
        text: String,
        /// Why not.
        why: &'static str,
        /// What a part of it would become.
        ascii: Option<String>,
    },
    /// Its last part is a number, so that some programs would read it as an address.
    #[error("\"{text}\" looks like an address but is not a complete one")]
    HalfAddress {
        /// The text.
        text: String,
    },
    /// An IPv6 address without brackets: its last part could be a port.
    #[error("the IPv6 address \"{text}\" is not in brackets")]
    Brackets {
        /// The text.
        text: String,
    },
    /// A star that is not the whole first part.
    #[error("the `*` in \"{text}\" is not the whole first part of the name")]
    Star {
        /// The text.
        text: String,
    },
    /// A star in front of a top-level domain, or a network that is a large part of all addresses.
    #[error("\"{text}\" stands for {what}")]
    TooWide {
        /// The text.
        text: String,
        /// What it stands for.
        what: &'static str,
    },
    /// A network whose address has bits set behind its prefix, or whose prefix is none.
    #[error("\"{text}\" is not a network")]
    Network {
        /// The text.
        text: String,
        /// What to write instead.
        advice: String,
    },
    /// Nothing that it names can ever be connected to through it.
    #[error("\"{text}\" can never match: {why}")]
    Never {
        /// The text.
        text: String,
        /// Why not.
        why: &'static str,
        /// What to write instead.
        advice: &'static str,
    },
    /// A port that is none.
    #[error("\"{text}\" is not a port")]
    Port {
        /// The text.
        text: String,
    },
    /// Ports in the text and in a list beside it.
    #[error("\"{text}\" names ports, and so does the list beside it")]
    TwicePorts {
        /// The text.
        text: String,
    },
    /// A web address instead of a host.
    #[error("\"{text}\" is a web address, not a host")]
    Url {
        /// The text.
        text: String,
    },
    /// A method that is none.
    #[error("\"{text}\" is not an HTTP method")]
    Method {
        /// The text, escaped.
        text: String,
    },
    /// A path that is none, or that servers understand differently.
    #[error("\"{text}\" is not a path of requests: {why}")]
    Path {
        /// The text, escaped.
        text: String,
        /// What is wrong.
        why: &'static str,
    },
    /// No group has this name.
    #[error("there is no group of hosts called \"{text}\"")]
    UnknownGroup {
        /// The name, escaped.
        text: String,
        /// The name that was probably meant.
        nearest: Option<&'static str>,
    },
    /// A bound that would let nothing pass.
    #[error("a bound of nothing would let nothing pass")]
    Nothing,
}

impl HostError {
    /// The error for a name that no group has.
    pub(crate) fn no_group(name: &str) -> Self {
        Self::UnknownGroup { text: name.escape_debug().to_string(), nearest: Group::nearest(name) }
    }

    /// What to write instead.
    #[must_use]
    pub fn hint(&self) -> String {
        let hint = match self {
            Self::NotAName { .. } => "write a name in ASCII, such as `api.example.com` or `xn--bcher-kva.example`",
            Self::Unclear { ascii: Some(ascii), .. } => {
                return format!("if this very part is meant, write `{ascii}` in its place");
            }
            Self::Unclear { ascii: None, .. } => {
                "write the name as DNS carries it, with `xn--` in front, as a browser shows it for the page that is meant"
            }
            Self::HalfAddress { .. } => "write all four numbers of an IPv4 address, or `[…]` around an IPv6 address",
            Self::Brackets { text } => return format!("write `[{text}]`, and the port behind the bracket: `[…]:443`"),
            Self::Star { .. } => "write `*.example.com`: the star stands for one or more whole parts in front",
            Self::TooWide { .. } => {
                "name the host or domain that is meant, as in `*.example.com`; for no limits at all set `mode = \"host\"`"
            }
            Self::Network { advice, .. } => return advice.clone(),
            Self::Never { advice, .. } => advice,
            Self::Port { .. } => "write `example.com:443`, `example.com:80,443` or `example.com:*`",
            Self::TwicePorts { .. } => "write the ports in one of the two places",
            Self::Url { .. } => "write only the host and the port: `example.com:443`",
            Self::Method { .. } => {
                "write methods as they are sent, in capital letters: `methods = [\"GET\", \"HEAD\"]`"
            }
            Self::Path { .. } => "write paths such as `/v1/**` or `/index.html`",
            Self::UnknownGroup { nearest: Some(nearest), .. } => return format!("did you mean \"{nearest}\"?"),
            Self::UnknownGroup { nearest: None, .. } => {
                return format!("the groups are {}", Group::ALL.map(Group::name).join(", "));
            }
            Self::Nothing => "write a larger bound, or list the host in `network.deny`",
        };
        hint.to_owned()
    }
}
