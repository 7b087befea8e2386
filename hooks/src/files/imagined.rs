//! A host that is made up, so that calls can be judged by the million without one: for the fuzzer, and in no shipped program.

use lobsterpot_policy::{Access, Decision, Judge, Network, NetworkMode, ReasonCode, Verdict};

use super::ground::{Ground, Presence};
use super::{Objects, Value, outcome, verdict};
use crate::call::{Call, Outcome};
use crate::denial::Denial;

/// What is true of every path of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Imagined {
    /// Something is there, and it may be used.
    Open,
    /// It may not be used.
    Barred,
}

impl Imagined {
    /// Judges a call as the hook does, on this host.
    ///
    /// # Errors
    /// Every reason to stop it.
    pub(crate) fn judge(self, call: &Call, judge: &Judge) -> Result<Outcome, Denial> {
        outcome(verdict(call, &Value::of(&call.input)?, judge, &self)?)
    }

    /// Whether some rule of the policy says what happens to the call. Rules may let a path be whatever it is.
    pub(crate) fn is_ruled(call: &Call, judge: &Judge) -> bool {
        Value::of(&call.input).is_ok_and(|input| judge.tool_call(call.client.name(), &call.tool, &input).rule.is_some())
    }

    /// What is said about a path.
    fn verdict(self) -> Option<Verdict> {
        let verdict = Verdict::deny(ReasonCode::Masked, None, "It is hidden.".to_owned(), "Do without it.");
        debug_assert_eq!(verdict.decision, Decision::Deny);
        (self == Self::Barred).then_some(verdict)
    }
}

/// The host's network: none.
static NETWORK: Network =
    Network { mode: NetworkMode::None, rules: Vec::new(), deny: Vec::new(), proxy: false, publish: Vec::new() };

impl Ground for Imagined {
    fn path(&self, _: &str, _: Access, _: Objects) -> Result<Presence, Verdict> {
        self.verdict().map_or(Ok(Presence::There), Err)
    }

    fn pattern(&self, _: &str, _: Option<&str>, _: Objects) -> Result<(), Verdict> {
        self.verdict().map_or(Ok(()), Err)
    }

    fn network(&self) -> &Network {
        &NETWORK
    }
}
