//! One statement about paths: a pattern, why it is there, and where it was written.

use serde::{Deserialize, Serialize};

use crate::origin::Origin;
use crate::pattern::Pattern;

/// A pattern with its reason and origin.
///
/// The `examples` and `counter_examples` that a policy file may give with a rule are checked while the file is read and are
/// not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'static"))]
pub struct Rule {
    /// Which paths the rule is about. A rule covers everything below what its pattern matches.
    pub pattern: Pattern,
    /// Why the rule is there, in the words of whoever wrote it.
    pub reason: Option<String>,
    /// Where it was written.
    pub origin: Origin,
}

impl Rule {
    /// The rule for a verdict: its text, and where it was written.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{} ({})", self.pattern, self.origin)
    }
}
