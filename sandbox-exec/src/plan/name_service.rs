//! What programs inside read to look names up: three files of the sandbox's own in place of the host's.
//!
//! The host's name server is out of reach, and the sockets of its other name services are closed. Nothing but these three is replaced.

use std::net::IpAddr;

use super::network::{Network, PROXY};
use crate::host::Called;

/// The files, in the order of [`texts`].
pub(crate) const NAME_SERVICE: [&str; 3] = ["/etc/hosts", "/etc/nsswitch.conf", "/etc/resolv.conf"];

/// Where to ask: `resolv.conf(5)`. One server, which is always there: `musl` asks every server that is named at once.
const RESOLV_CONF: &str = "\
# Made by the Lobsterpot sandbox. This server answers for the hosts that the policy allows.
nameserver 198.18.0.1
";

/// How the C library looks things up: `nsswitch.conf(5)`.
const NSSWITCH_CONF: &str = "\
# Made by the Lobsterpot sandbox: files, and the name server of /etc/resolv.conf.
passwd: files
group: files
shadow: files
gshadow: files
initgroups: files
hosts: files dns
networks: files
protocols: files
services: files
ethers: files
rpc: files
netgroup: files
";

/// Names that are not asked for: `hosts(5)`.
const HOSTS: &str = "\
# Made by the Lobsterpot sandbox.
127.0.0.1 localhost
::1 localhost ip6-localhost ip6-loopback
";

/// The files and what they say; nothing for a network in which there is nobody to ask or the host's own.
pub(super) fn texts(network: &Network, called: &Called) -> Vec<(&'static str, String)> {
    match network {
        Network::Isolated | Network::Host => Vec::new(),
        Network::Allowlist(_) => {
            let texts = [hosts(called), NSSWITCH_CONF.to_owned(), RESOLV_CONF.to_owned()];
            NAME_SERVICE.into_iter().zip(texts).collect()
        }
    }
}

/// The text of the hosts file. Of the host's own, the names of its loopback are kept, for the sandbox has one too; names of other hosts are
/// the policy's matter. The host's name has an address of its own, so that nothing else is called by it.
fn hosts(called: &Called) -> String {
    let mut text = HOSTS.to_owned();
    let local = called.hosts.lines().filter_map(local_names);
    let mut own = called.node.as_deref().filter(|node| is_name(node) && *node != "localhost");
    for (address, names) in local {
        own = own.filter(|node| !names.contains(node));
        text.push_str(&format!("{address} {}\n", names.join(" ")));
    }
    if let Some(node) = own {
        let short = node.split_once('.').map(|(short, _)| format!(" {short}")).unwrap_or_default();
        text.push_str(&format!("127.0.1.1 {node}{short}\n"));
    }
    text
}

/// The loopback address of a line of the host's file and its names, but for those that every sandbox knows.
fn local_names(line: &str) -> Option<(IpAddr, Vec<&str>)> {
    let mut words = line.split('#').next()?.split_ascii_whitespace();
    let address = words.next()?.parse::<IpAddr>().ok().filter(IpAddr::is_loopback)?;
    let names: Vec<&str> =
        words.filter(|name| is_name(name) && !HOSTS.split_ascii_whitespace().any(|own| own == *name)).collect();
    (!names.is_empty()).then_some((address, names))
}

/// Whether `node` can stand in the file: `hostname(7)`, and underscores, which people use all the same.
fn is_name(node: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    node.len() <= 253 && node.split('.').all(is_label)
}

/// The variables that tell programs of the proxy, in both cases, for there are programs that read only one of them.
///
/// `ALL_PROXY` names HTTP too: clients that know no SOCKS stop at a scheme that they do not know.
pub(crate) fn proxy_variables() -> impl Iterator<Item = (String, String)> {
    let proxy = format!("http://{PROXY}");
    ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"].into_iter().flat_map(move |name| {
        let value = if name == "NO_PROXY" { "localhost,127.0.0.1,::1".to_owned() } else { proxy.clone() };
        [(name.to_owned(), value.clone()), (name.to_ascii_lowercase(), value)]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hosts file on a host with this name and this file.
    fn hosts_of(node: Option<&str>, text: &str) -> String {
        hosts(&Called { node: node.map(str::to_owned), hosts: text.to_owned() })
    }

    #[test]
    fn the_hosts_own_name_has_an_address_in_full_and_in_short() {
        assert!(hosts_of(Some("box.example.net"), "").ends_with("\n127.0.1.1 box.example.net box\n"));
        assert!(hosts_of(Some("box"), "").ends_with("\n127.0.1.1 box\n"));
    }

    #[test]
    fn a_host_that_is_called_like_something_else_adds_no_line() {
        for name in ["localhost", "", "a b", "a\n1.2.3.4 github.com", "a..b", "ä", "#"] {
            assert_eq!(hosts_of(Some(name), ""), HOSTS, "{name:?}");
        }
        assert_eq!(hosts_of(None, ""), HOSTS);
    }

    #[test]
    fn names_of_the_hosts_loopback_stay_and_names_of_other_hosts_do_not() {
        let file = "# mine\n127.0.0.1\tlocalhost app.test  # a server\n::1 localhost ip6-localhost\n127.0.1.1 box.lan box\n\
                    10.0.0.5 db.lan\n0.0.0.0 ads.example\n192.0.2.1 github.com\nnonsense\n127.0.0.1\n127.0.0.2 a;b ok\n";
        let expected = format!("{HOSTS}127.0.0.1 app.test\n127.0.1.1 box.lan box\n127.0.0.2 ok\n");
        assert_eq!(hosts_of(Some("box"), file), expected);
    }

    #[test]
    fn both_spellings_of_every_variable_say_the_same() {
        let all: Vec<_> = proxy_variables().collect();
        assert_eq!(all.len(), 8);
        for pair in all.chunks(2) {
            assert_eq!((pair[0].0.to_ascii_lowercase(), &pair[0].1), (pair[1].0.clone(), &pair[1].1));
        }
    }
}
