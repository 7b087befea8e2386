//! Addresses of the network: read strictly, and judged by the policy's rules about hosts.
//!
//! Browsers repair what they are given (WHATWG URL), other programs follow RFC 3986, and the two disagree about where a host ends. So
//! an address is refused that they could read in different ways. What is behind a redirect, and what a page loads, no hook sees.

use std::net::IpAddr;

use lobsterpot_policy::{Network, NetworkMode, ReasonCode, Refusal, Verdict};

use super::address;
use super::ground::shortened;

/// The method by which agents' tools fetch; what a browser posts later is not in the call.
const METHOD: &str = "GET";

/// Where an address leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remote {
    /// The host: a name in ASCII, or an address, without brackets.
    pub(super) host: String,
    /// The port, that of the scheme when none is written.
    pub(super) port: u16,
    /// The path and the query.
    path: String,
    /// Whether it is spoken to without TLS.
    plain: bool,
}

impl Remote {
    /// Reads what follows the colon of `scheme`.
    ///
    /// # Errors
    /// Why programs could read it in different ways.
    pub(super) fn parse(scheme: &str, rest: &str) -> Result<Self, &'static str> {
        let plain = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("ws");
        let rest = rest.strip_prefix("//").ok_or("no \"//\" stands behind its scheme")?;
        let end = rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end).ok_or("it has no host")?;
        if path.starts_with('\\') {
            return Err("a backslash stands behind its host");
        }
        if authority.contains('@') {
            return Err("it has a user's name before its host");
        }
        let (host, port) = split(authority)?;
        if host.is_empty() {
            return Err("it has no host");
        }
        if !host.is_ascii() || host.contains('%') {
            return Err("its host is not written in plain ASCII (a name in another script begins with xn-- there)");
        }
        let usual = if plain { 80 } else { 443 };
        let port = if port.is_empty() { usual } else { number(port).ok_or("its port is none")? };
        let path = path.split('#').next().unwrap_or_default();
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(Self { host: host.to_owned(), port, path: format!("{slash}{path}"), plain })
    }

    /// The host as rules write it.
    fn shown(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() }
    }

    /// Whether a rule of the policy's is about this very host, so that it may be one of this host's own network.
    fn is_listed(&self, network: &Network) -> bool {
        match self.host.parse::<IpAddr>() {
            Ok(address) => network.names_address(address, self.port),
            Err(_) => network.mode == NetworkMode::Allowlist && network.judge(&self.host, self.port).is_ok(),
        }
    }

    /// Judges it by the policy.
    ///
    /// # Errors
    /// Why it may not be reached.
    pub(super) fn judge(&self, network: &Network, text: &str) -> Result<(), Verdict> {
        // Without a network, and for what is listed nowhere, the answer of the policy says more.
        if address::is_local(&self.host) && !self.is_listed(network) {
            return Err(refused(text, "it is an address of this host itself or of the network around it"));
        }
        let told = |refusal: Refusal| Verdict::deny(refusal.reason, None, refusal.message, &refusal.instead);
        let rule = network.judge(&self.shown(), self.port).map_err(told)?;
        if rule.restricts_requests() && !self.plain {
            let message = format!("\"{}\" is refused: {rule} allows plain HTTP alone.", shortened(text));
            return Err(Verdict::deny(ReasonCode::Protocol, None, message, "Use an http address there."));
        }
        rule.judge_request(METHOD, &self.path).map_err(told)
    }
}

/// What may be an address that lacks its scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WithoutScheme<'a>(&'a str);

/// `text` as such an address; `None` for what is a path to everybody: from the root, the home, or the current folder.
pub(super) fn without_scheme(text: &str) -> Option<WithoutScheme<'_>> {
    let text = text.trim_matches(|c: char| c <= ' ');
    let rest = text.strip_prefix("//").or_else(|| text.strip_prefix("\\\\"));
    let first = text.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    let is_path = matches!(first, "" | "." | "..") || first.starts_with('~');
    rest.or_else(|| (!is_path).then_some(text)).map(WithoutScheme)
}

impl WithoutScheme<'_> {
    /// Whether it looks like a host even where a path would do as well: a name with a dot in it, or one of this host.
    pub(super) fn is_plain(self) -> bool {
        let host = self.0.split(['/', '\\', '?', '#']).next().unwrap_or_default();
        host.trim_start_matches('.').contains('.') || address::is_local(host)
    }

    /// Judges it by the policy: as what a client may make of it, with `https` and with `http`.
    ///
    /// # Errors
    /// Why it may not be reached.
    pub(super) fn judge(self, network: &Network, text: &str) -> Result<(), Verdict> {
        for scheme in ["https", "http"] {
            let remote = Remote::parse(scheme, &format!("//{}", self.0)).map_err(|why| refused(text, why))?;
            remote.judge(network, text).map_err(|verdict| Verdict {
                message: format!("\"{}\" has no scheme. As an {scheme} address: {}", shortened(text), verdict.message),
                instead: format!("Write the address with its scheme. {}", verdict.instead),
                ..verdict
            })?;
        }
        Ok(())
    }
}

/// The host and the port of an authority; the port is empty when there is none.
///
/// # Errors
/// When brackets are out of place, or more than one colon is there.
fn split(authority: &str) -> Result<(&str, &str), &'static str> {
    if let Some(inner) = authority.strip_prefix('[') {
        let (host, rest) = inner.split_once(']').ok_or("its host is no address")?;
        let port = if rest.is_empty() { "" } else { rest.strip_prefix(':').ok_or("its host is no address")? };
        return if host.contains(':') { Ok((host, port)) } else { Err("its host is no address") };
    }
    let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
    if port.contains(':') { Err("two colons stand in its host") } else { Ok((host, port)) }
}

/// A port in decimal digits.
fn number(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port != 0)
}

/// The verdict on an address that is refused whatever the policy's rules say.
pub(super) fn refused(text: &str, why: &str) -> Verdict {
    Verdict::deny(
        ReasonCode::HostNotAllowed,
        None,
        format!("The address \"{}\" is refused: {why}.", shortened(text)),
        "Use an http or https address of another host, or a path in the workspace.",
    )
}

/// What may be an address in a longer text: each scheme with what follows it up to white space, less the punctuation at its end.
pub(super) fn within(text: &str) -> impl Iterator<Item = &str> {
    let blank = |c: char| c.is_whitespace() || c == '\u{feff}';
    text.split(blank).flat_map(|word| {
        word.match_indices(':').filter_map(move |(at, _)| {
            let (before, after) = word.split_at_checked(at)?;
            let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
            let scheme = before.len() - before.trim_end_matches(letter).len();
            let scheme = before.get(before.len() - scheme..)?.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
            let known = address::NETWORK.iter().any(|known| scheme.eq_ignore_ascii_case(known)) && after.len() > 1;
            let found = known || (!scheme.is_empty() && after.starts_with("://"));
            let address = word.get(at - scheme.len()..)?;
            found.then(|| {
                address.trim_end_matches(['.', ',', ';', '!', '?', ')', ']', '}', '>', '"', '\'', '`', '*', '_'])
            })
        })
    })
}

#[cfg(test)]
#[path = "remote_tests.rs"]
mod tests;
