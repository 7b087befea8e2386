//! What the host says about names: `/etc/resolv.conf` and `/etc/hosts`, read once, before this program gives up its files.
//!
//! `resolv.conf(5)` and `hosts(5)` are followed. The search list is not: a name means one host, whatever network this is.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

/// The port of nameservers.
const PORT: u16 = 53;
/// The most nameservers that are asked, as in `resolv.conf(5)`.
const MOST_SERVERS: usize = 3;
/// The longest `resolv.conf`, in bytes; what is behind it is not read.
const LONGEST_RESOLV_CONF: u64 = 64 << 10;
/// The longest `hosts`, in bytes; what is behind it is not read. Lists that block advertising have a few megabytes.
const LONGEST_HOSTS: u64 = 8 << 20;
/// The most addresses of one name in `hosts`.
const MOST_ADDRESSES: usize = 32;
/// How long one nameserver is waited for, in seconds: the default, and the most that the file may ask for.
const TIMEOUT: u64 = 5;
/// How often every nameserver is asked.
const ATTEMPTS: u32 = 2;
/// The most that the file may ask for, as in `resolv.conf(5)`.
const MOST_ATTEMPTS: u32 = 5;

/// What the host says about names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Who is asked.
    nameservers: Vec<SocketAddr>,
    /// How long one of them is waited for.
    pub(super) timeout: Duration,
    /// How often every one of them is asked.
    pub(super) attempts: u32,
    /// Whether the first question of each name goes to another nameserver than that of the name before.
    pub(super) rotate: bool,
    /// Whether questions go over TCP at once.
    pub(super) only_tcp: bool,
    /// Whether IPv6 addresses are never asked for.
    pub(super) no_v6: bool,
    /// The addresses of names that the host knows by itself, in lower case.
    hosts: HashMap<String, Vec<IpAddr>>,
}

impl Settings {
    /// Reads both files. One that is missing is as if it were empty: then the nameserver is this machine.
    pub(crate) fn read() -> Self {
        Self::parse(&text("/etc/resolv.conf", LONGEST_RESOLV_CONF), &text("/etc/hosts", LONGEST_HOSTS))
    }

    /// Settings from the texts of both files.
    pub(crate) fn parse(resolv_conf: &str, hosts: &str) -> Self {
        let mut settings = Self {
            nameservers: Vec::new(),
            timeout: Duration::from_secs(TIMEOUT),
            attempts: ATTEMPTS,
            rotate: false,
            only_tcp: false,
            no_v6: false,
            hosts: parse_hosts(hosts),
        };
        for line in resolv_conf.lines().map(|line| line.split(['#', ';']).next().unwrap_or_default()) {
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("nameserver") => settings.add_nameserver(words.next()),
                Some("options") => words.for_each(|option| settings.set(option)),
                _ => {}
            }
        }
        if settings.nameservers.is_empty() {
            settings.nameservers.push((Ipv4Addr::LOCALHOST, PORT).into());
        }
        settings
    }

    /// The same settings with other nameservers.
    #[cfg(test)]
    pub(crate) fn with_nameservers(self, nameservers: Vec<SocketAddr>) -> Self {
        Self { nameservers, ..self }
    }

    /// Who is asked: one to three.
    pub(crate) fn nameservers(&self) -> &[SocketAddr] {
        &self.nameservers
    }

    /// The addresses that the host's own list has for a name in lower case.
    pub(super) fn host(&self, name: &str) -> Option<&[IpAddr]> {
        self.hosts.get(name).map(Vec::as_slice)
    }

    /// Adds a nameserver unless there are three.
    fn add_nameserver(&mut self, word: Option<&str>) {
        if let Some(server) = word.and_then(nameserver).filter(|_| self.nameservers.len() < MOST_SERVERS) {
            self.nameservers.push(server);
        }
    }

    /// Honours one option; those that do not concern this program are left out.
    fn set(&mut self, option: &str) {
        let (name, value) = option.split_once(':').unwrap_or((option, ""));
        match name {
            "timeout" => {
                let seconds = value.parse().unwrap_or(TIMEOUT);
                self.timeout = Duration::from_secs(seconds.clamp(1, TIMEOUT));
            }
            "attempts" => self.attempts = value.parse().unwrap_or(ATTEMPTS).clamp(1, MOST_ATTEMPTS),
            "rotate" => self.rotate = true,
            "use-vc" => self.only_tcp = true,
            "no-aaaa" => self.no_v6 = true,
            _ => {}
        }
    }
}

/// A nameserver's address; an IPv6 address on one link names the interface behind `%`, by its name or its number.
fn nameserver(word: &str) -> Option<SocketAddr> {
    let Some((address, zone)) = word.split_once('%') else {
        return word.parse::<IpAddr>().ok().map(|address| (address, PORT).into());
    };
    let scope = zone.parse().ok().or_else(|| nix::net::if_::if_nametoindex(zone).ok())?;
    Some(SocketAddrV6::new(address.parse().ok()?, PORT, 0, scope).into())
}

/// The names of a hosts file in lower case, and their addresses in the file's order.
fn parse_hosts(text: &str) -> HashMap<String, Vec<IpAddr>> {
    let mut hosts: HashMap<String, Vec<IpAddr>> = HashMap::new();
    for line in text.lines().map(|line| line.split('#').next().unwrap_or_default()) {
        let mut words = line.split_ascii_whitespace();
        let Some(Ok(address)) = words.next().map(str::parse) else { continue };
        for name in words {
            let known = hosts.entry(name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()).or_default();
            if known.len() < MOST_ADDRESSES && !known.contains(&address) {
                known.push(address);
            }
        }
    }
    hosts
}

/// At most `longest` bytes of a file, or nothing when it cannot be read.
fn text(path: &str, longest: u64) -> String {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(longest).read_to_end(&mut bytes));
    read.map_or_else(|_| String::new(), |_| String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::Settings;
    use std::net::IpAddr;
    use std::time::Duration;

    fn servers(text: &str) -> Vec<String> {
        Settings::parse(text, "").nameservers().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn three_nameservers_are_kept_and_rubbish_is_left_out() {
        let text = "# note\nnameserver 1.1.1.1 # one\n nameserver ::1\nnameserver\nnameserver example.com\n\
                    nameserver fe80::1%1\n; nameserver 9.9.9.9\nnameserver 8.8.8.8\nsearch evil.example\n";
        assert_eq!(servers(text), ["1.1.1.1:53", "[::1]:53", "[fe80::1%1]:53"]);
        assert_eq!(servers("nameserver fe80::1%lo"), ["[fe80::1%1]:53"]);
        assert_eq!(servers("nameserver fe80::1%no-such-interface"), ["127.0.0.1:53"]);
    }

    #[test]
    fn without_a_nameserver_this_machine_is_asked() {
        assert_eq!(servers(""), ["127.0.0.1:53"]);
    }

    #[test]
    fn options_are_honoured_within_bounds() {
        let read = |options: &str| Settings::parse(&format!("options {options}\n"), "");
        let settings = read("timeout:2 attempts:3 rotate use-vc no-aaaa ndots:5 edns0");
        assert_eq!((settings.timeout, settings.attempts), (Duration::from_secs(2), 3));
        assert!(settings.rotate && settings.only_tcp && settings.no_v6);
        let wild = read("timeout:99999999999999 attempts:4294967295");
        assert_eq!((wild.timeout, wild.attempts), (Duration::from_secs(5), 5));
        let none = read("timeout:0 attempts:0 timeout attempts:x:y");
        assert_eq!((none.timeout, none.attempts), (Duration::from_secs(5), 2));
        assert_eq!(read("timeout:0").timeout, Duration::from_secs(1));
    }

    #[test]
    fn a_hosts_file_gives_every_name_all_its_addresses() {
        let hosts = "127.0.0.1 localhost\n::1 localhost\n10.0.0.1\tDB.Corp db # the database\nnot-an-address x\n10.0.0.2 db.corp.\n";
        let settings = Settings::parse("", hosts);
        let addresses = |name: &str| settings.host(name).map(<[IpAddr]>::len);
        assert_eq!((addresses("localhost"), addresses("db.corp"), addresses("db")), (Some(2), Some(2), Some(1)));
        assert_eq!((addresses("x"), addresses("the"), addresses("DB.Corp")), (None, None, None));
    }
}
