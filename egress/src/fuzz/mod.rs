//! What must hold for whatever the sandbox, a server or a nameserver says: checked by the fuzzer (`tests/fuzz`), and by the tests
//! on every input that it once found. In no shipped program.

mod dns;
mod orders;
mod stream;

use lobsterpot_policy::{HostRule, Network, NetworkMode, Origin};

pub use dns::dns;
pub use orders::orders;
pub use stream::{proxy, stream};

use crate::gate::Gate;
use crate::report::Reporter;

/// A gate for a network with these rules.
fn gate(rules: &[&str]) -> Gate {
    let rules = rules.iter().map(|text| rule(text)).collect();
    let network = Network { mode: NetworkMode::Allowlist, rules, deny: Vec::new(), proxy: true, publish: Vec::new() };
    Gate::new(network, Reporter::default())
}

/// A rule.
fn rule(text: &str) -> HostRule {
    match HostRule::parse(text, Origin::flags()) {
        Ok(rule) => rule,
        Err(error) => panic!("{text}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use crate::replay::replay;

    #[test]
    fn dns_messages_that_were_found_keep_their_promises() {
        replay("egress_dns", super::dns);
    }

    #[test]
    fn streams_that_were_found_keep_their_promises() {
        replay("egress_stream", super::stream);
    }

    #[test]
    fn proxy_handshakes_that_were_found_keep_their_promises() {
        replay("egress_proxy", super::proxy);
    }

    #[test]
    fn orders_that_were_found_keep_their_promises() {
        replay("orders", super::orders);
    }
}
