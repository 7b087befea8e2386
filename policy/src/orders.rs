//! What the launcher and `lobsterpot-egress` say to one another: plain data, one JSON object for each packet.
//!
//! The launcher starts `lobsterpot-egress` with the [`Orders`] on its standard input and one [`Role`] for each descriptor that it
//! inherits. After that both talk over the descriptor with [`Role::Control`], a `SOCK_SEQPACKET` socket: [`Command`]s inwards,
//! [`Event`]s outwards. Egress reads hostile bytes, so the launcher believes an event only as a thing to write down.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::judge::ReasonCode;
use crate::policy::Network;

/// The longest packet in either direction, in bytes. A longer one is a mistake of the sender and is dropped.
pub const LONGEST_PACKET: usize = 4096;

/// Everything that egress is told at its start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Orders {
    /// The layout of this structure; egress refuses another than [`Orders::VERSION`].
    pub version: u32,
    /// What may be reached.
    pub network: Network,
    /// The user and group id to become, when started by root.
    pub become_id: Option<u32>,
    /// What the inherited descriptors are for, by their numbers.
    pub descriptors: Vec<(i32, Role)>,
}

/// What an inherited descriptor is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Role {
    /// The line to the launcher.
    Control,
    /// A listening TCP socket of the sandbox, at every address of this port.
    Tcp {
        /// The port.
        port: u16,
    },
    /// A bound UDP socket of the sandbox, at port 53 of every address of one family.
    DnsUdp,
    /// A listening TCP socket of the sandbox, at port 53 of every address.
    DnsTcp,
    /// A listening TCP socket of the sandbox for programs that ask for a proxy: HTTP `CONNECT` and SOCKS 5.
    Proxy,
    /// A packet socket of the sandbox, which sees what is sent to ports that nobody serves.
    Tap,
    /// The sandbox's network namespace, to make more sockets in.
    Namespace,
    /// A listening TCP socket of the host's loopback, for a server in the sandbox.
    Published {
        /// The server's port in the sandbox.
        port: u16,
    },
}

/// What the launcher asks egress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// A program is about to connect to an address and port that is not served yet: egress is to listen there if the policy allows
    /// it, and answers with [`Event::Ready`] either way.
    Want {
        /// What the answer repeats.
        id: u64,
        /// The address, a synthetic one or one that a rule names.
        address: IpAddr,
        /// The port.
        port: u16,
    },
}

/// What egress tells the launcher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Event {
    /// Egress is confined and serves.
    Started,
    /// The answer to [`Command::Want`]: the connection may go ahead, to whatever it then finds.
    Ready {
        /// The number of the question.
        id: u64,
    },
    /// The first connection or question of its kind that the policy allows.
    Allowed {
        /// The host, as rules write it.
        host: String,
        /// The port; 0 for a name that was only looked up.
        port: u16,
    },
    /// Something was refused. Repetitions are counted and told with [`Event::Repeated`].
    Refused(Refused),
    /// How often refusals were repeated; told at the end, and now and then before it.
    Repeated {
        /// The host of the refusal.
        host: String,
        /// The port.
        port: u16,
        /// The reason.
        reason: ReasonCode,
        /// How often in all.
        times: u64,
    },
    /// Egress cannot go on, and ends.
    Failed {
        /// One sentence.
        message: String,
    },
}

/// One refusal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// What was asked for: a name, or an address. Printable ASCII only.
    pub host: String,
    /// The port; 0 for a name that was only looked up.
    pub port: u16,
    /// The protocol: `dns`, `tcp`, `udp`, `icmp`, `tls`, `http`, `socks`.
    pub protocol: String,
    /// Why.
    pub reason: ReasonCode,
    /// One sentence for the model. Printable ASCII only.
    pub message: String,
    /// What to do instead, with the line of policy that would allow it when there is one.
    pub instead: String,
}

impl Orders {
    /// The layout that this version speaks.
    pub const VERSION: u32 = 1;
}

#[cfg(test)]
mod tests {
    use super::{Command, Event, Refused};
    use crate::judge::ReasonCode;

    #[test]
    fn what_is_said_comes_back_the_same() {
        let refused = Refused {
            host: "example.com".to_owned(),
            port: 443,
            protocol: "tls".to_owned(),
            reason: ReasonCode::HostNotAllowed,
            message: "no".to_owned(),
            instead: "ask".to_owned(),
        };
        for event in [Event::Started, Event::Ready { id: 7 }, Event::Refused(refused)] {
            let text = serde_json::to_string(&event).expect("an event is JSON");
            assert_eq!(serde_json::from_str::<Event>(&text).expect("and back"), event);
        }
        let command = Command::Want { id: 1, address: [198, 18, 0, 9].into(), port: 8443 };
        let text = serde_json::to_string(&command).expect("a command is JSON");
        assert_eq!(serde_json::from_str::<Command>(&text).expect("and back"), command);
    }
}
