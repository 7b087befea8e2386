//! The checks driven as `flow` drives them, byte by byte or in pieces.

mod attacks;
mod http;
mod opening;
mod peers;
mod properties;
mod smuggling;
mod tls;

use lobsterpot_policy::{HostRule, Network, NetworkMode, Origin, ReasonCode};

use super::check;
use crate::flow::check::{Check, HELD, Reply, Step};
use crate::gate::Gate;
use crate::report::Reporter;
use crate::target::Target;

/// What became of a client's stream.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    /// All of it passed, or waits for more.
    Open,
    /// It passes unseen from some point on.
    Rest,
    /// It was refused, for this reason.
    Refused(ReasonCode),
}

/// A connection and what has become of it.
struct Line {
    check: Box<dyn Check>,
    reporter: Reporter,
    held: Vec<u8>,
    blind: u64,
    passed: Vec<u8>,
    end: End,
    waits: bool,
    reply: Option<Reply>,
}

/// The rules of these tests.
fn network(rules: Vec<HostRule>) -> Network {
    Network { mode: NetworkMode::Allowlist, rules, deny: Vec::new(), proxy: false, publish: Default::default() }
}

fn rule(text: &str) -> HostRule {
    HostRule::parse(text, Origin::flags()).expect("a rule of these tests")
}

impl Line {
    /// A connection to `good.example` or to an address.
    fn to(host: &str, port: u16) -> Self {
        let text = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        Self::by(host, port, rule(&text))
    }

    /// A connection that this rule allows.
    fn by(host: &str, port: u16, rule: HostRule) -> Self {
        let target = host.parse().map_or_else(|_| Target::Name(host.into()), Target::Address);
        let named = HostRule::parse("named.example:80,443,8080", Origin::flags()).expect("a rule");
        let reporter = Reporter::default();
        let gate = Gate::new(network(vec![rule.clone(), named]), reporter.clone());
        let check = check(&target, port, &rule, &gate);
        Self {
            check,
            reporter,
            held: Vec::new(),
            blind: 0,
            passed: Vec::new(),
            end: End::Open,
            waits: false,
            reply: None,
        }
    }

    /// The client says something.
    fn client(&mut self, bytes: &[u8]) -> &mut Self {
        self.held.extend_from_slice(bytes);
        self.settle();
        self
    }

    /// Carries out steps until nothing more can be done with what is held.
    fn settle(&mut self) {
        self.waits = false;
        loop {
            let unseen = usize::try_from(self.blind).unwrap_or(usize::MAX).min(self.held.len());
            self.blind -= unseen as u64;
            self.passed.extend(self.held.drain(..unseen));
            if self.held.is_empty() || matches!(self.end, End::Refused(_)) {
                return;
            }
            if self.end == End::Rest {
                self.passed.append(&mut self.held);
                return;
            }
            let shown = self.held.len().min(HELD);
            match self.check.client(&self.held[..shown]) {
                Step::More => {
                    assert!(shown < HELD, "the check decides before {HELD} bytes are held");
                    return;
                }
                Step::Wait => {
                    self.waits = true;
                    return;
                }
                Step::Pass(count) => {
                    assert!(count > 0, "a step that goes nowhere");
                    self.blind = count;
                }
                Step::Rest => self.end = End::Rest,
                Step::Refuse(refusal, reply) => self.refused(&refusal, reply),
            }
        }
    }

    fn refused(&mut self, refusal: &crate::gate::Refusal, reply: Reply) {
        self.end = End::Refused(refusal.0.reason);
        self.reply = Some(reply);
        assert!(self.reporter.take().is_some() && self.reporter.take().is_none(), "a refusal is reported once");
    }

    /// The client ends.
    fn finish(&mut self) -> &mut Self {
        if !self.held.is_empty() && !matches!(self.end, End::Refused(_)) {
            let held = self.held.clone();
            match self.check.client_end(&held) {
                Step::Rest => {
                    self.end = End::Rest;
                    self.settle();
                }
                Step::Refuse(refusal, reply) => self.refused(&refusal, reply),
                step @ (Step::More | Step::Wait | Step::Pass(_)) => panic!("the end is undecided: {step:?}"),
            }
        }
        self
    }

    /// The server says something; the step is returned.
    fn server(&mut self, bytes: &[u8]) -> Step {
        let step = self.check.server(bytes);
        self.settle();
        step
    }

    /// What the program sees of the refusal, as text.
    fn shown(&self) -> String {
        match &self.reply {
            Some(Reply::Close(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
            Some(Reply::Reset) | None => String::new(),
        }
    }
}

/// What becomes of a whole stream to `good.example` on this port.
fn end_of(port: u16, stream: &[u8]) -> End {
    Line::to("good.example", port).client(stream).end.clone()
}

/// Asserts that a stream is refused for this reason with nothing of it passed.
fn assert_refused(port: u16, stream: &[u8], reason: ReasonCode) {
    let mut line = Line::to("good.example", port);
    line.client(stream);
    assert_eq!(line.end, End::Refused(reason), "{:?}", String::from_utf8_lossy(stream));
    assert!(line.passed.is_empty(), "passed: {:?}", String::from_utf8_lossy(&line.passed));
}

/// Asserts that a whole stream passes.
fn assert_passes(port: u16, stream: &[u8]) {
    let mut line = Line::to("good.example", port);
    line.client(stream);
    assert!(matches!(line.end, End::Open | End::Rest), "{:?}: {}", String::from_utf8_lossy(stream), line.shown());
    assert_eq!(line.passed, stream, "{:?}", String::from_utf8_lossy(stream));
}
