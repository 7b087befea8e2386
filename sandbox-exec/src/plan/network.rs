//! Which network the command sees.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddrV4};

use lobsterpot_policy::{NetworkMode, Policy};

/// Where the proxy listens inside, when the policy wants one.
pub(crate) const PROXY: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(198, 18, 0, 1), 3128);

/// Which network the command sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Network {
    /// A network namespace of its own, with nothing but a loopback interface.
    Isolated,
    /// A network namespace of its own, from which egress lets it reach some hosts.
    Allowlist(Box<Allowlist>),
    /// The host's.
    Host,
}

/// The hosts that can be reached, and what is made for that inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Allowlist {
    /// The policy's network: what egress is told.
    pub(crate) policy: lobsterpot_policy::Network,
    /// The ports below 1024 that are listened on from the start, at every address. Servers inside cannot have them.
    pub(crate) low_ports: BTreeSet<u16>,
}

impl Network {
    /// The network that `policy` asks for.
    pub(super) fn of(policy: &Policy) -> Self {
        match policy.network.mode {
            NetworkMode::None => Self::Isolated,
            NetworkMode::Host => Self::Host,
            NetworkMode::Allowlist | NetworkMode::Learn => Self::Allowlist(Box::new(Allowlist {
                low_ports: policy.network.low_ports(),
                policy: policy.network.clone(),
            })),
        }
    }

    /// The network in one word.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Isolated => "none",
            Self::Allowlist(allowlist) if allowlist.learns() => "learn",
            Self::Allowlist(_) => "allowlist",
            Self::Host => "host",
        }
    }

    /// Whether programs that insist on a proxy get one.
    pub(crate) fn has_proxy(&self) -> bool {
        match self {
            Self::Allowlist(allowlist) => allowlist.policy.proxy,
            Self::Isolated | Self::Host => false,
        }
    }

    /// Whether the command has a network namespace of its own.
    pub(crate) fn is_own(&self) -> bool {
        match self {
            Self::Isolated | Self::Allowlist(_) => true,
            Self::Host => false,
        }
    }
}

impl Allowlist {
    /// Whether every public host is allowed, to learn which are asked for.
    pub(crate) fn learns(&self) -> bool {
        self.policy.mode == NetworkMode::Learn
    }
}
