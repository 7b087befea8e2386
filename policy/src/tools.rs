//! Rules about single tools of an agent: what a call must look like, and what then happens.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::origin::Origin;

/// One rule: the first that fits a call decides it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'static"))]
pub struct ToolRule {
    /// Which tools it is about.
    pub tools: Vec<ToolName>,
    /// What fields of the input must hold: one of the values listed, in which `*` stands for any characters. A field that is
    /// not there is `""`, and nothing else.
    pub when: BTreeMap<Field, Vec<Words>>,
    /// The only fields that the input may have, unless this is empty: no object on the way to one of them has another.
    pub only: Vec<Field>,
    /// What happens; `None` leaves it to the fields below.
    pub outcome: Option<ToolOutcome>,
    /// Fields that name a file or folder to be read.
    pub read: Vec<Field>,
    /// Fields that name a file or folder to be changed.
    pub write: Vec<Field>,
    /// Fields that hold an address: a `file:` address is a file to be read, one of the network is judged as a connection would be.
    pub url: Vec<Field>,
    /// Fields that hold text in which addresses stand, each of which is judged.
    pub urls_in: Vec<Field>,
    /// Why the rule is there.
    pub reason: Option<Words>,
    /// What the agent should do instead.
    pub instead: Option<Words>,
    /// Where it was written.
    pub origin: Origin,
}

/// What a rule says happens to a call; the later, the stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ToolOutcome {
    /// It goes ahead.
    Allow,
    /// A person is asked.
    Ask,
    /// It does not happen.
    Deny,
}

/// What happens to a tool that nothing speaks of and that is given something like a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PathDefault {
    /// The guard has nothing to say.
    Ignore,
    /// It goes ahead when everything like a path may be written.
    Judge,
    /// A person is asked, unless something like a path is refused anyway.
    Ask,
    /// It does not happen.
    Deny,
}

/// A tool's name, in which `*` stands for any characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ToolName(#[serde(borrow)] Cow<'static, str>);

/// A text of a rule. That of a built-in rule lies in the program itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Words(#[serde(borrow)] Cow<'static, str>);

/// Where a value stands in a tool's input: `path`, `job.schedule.cwd`, `paths[]`, `attachments[].media`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'static"))]
pub struct Field(Vec<Step>);

/// One step into a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Step {
    /// The member to go to.
    #[serde(borrow)]
    pub name: Cow<'static, str>,
    /// Whether it holds a list, each entry of which is meant. A single value stands for a list of one.
    pub each: bool,
}

/// What a field of a tool's input holds, as far as a rule's condition can see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldValue<'a> {
    /// Nothing: it is absent, `null` or an empty text.
    Absent,
    /// A text, or a number or truth value as it is written.
    Text(&'a str),
    /// A list or an object, which no condition can describe.
    Compound,
}

/// The input of a tool call, whatever form it has. Fields are found by [`is_same_field`].
pub trait ToolInput {
    /// What `field` holds. A field with a list in it is [`FieldValue::Compound`].
    fn value(&self, field: &Field) -> FieldValue<'_>;

    /// Whether nothing stands in it but `fields`, each of which holds a plain value or, written with `[]`, a list of them.
    fn holds_only(&self, fields: &[Field]) -> bool;

    /// A field that some object in it has in two spellings.
    fn ambiguous(&self) -> Option<&str>;
}

/// Why a rule about a tool is malformed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ToolRuleError {
    /// The tool's name is empty.
    #[error("the rule names no tool")]
    NoTool,
    /// A field has an empty part, or brackets other than a closing `[]`.
    #[error("`{text}` is not a field of a tool's input")]
    BadField {
        /// The field as written.
        text: String,
    },
    /// Nothing follows from the rule.
    #[error("the rule about `{tool}` says neither what happens nor which fields name files")]
    NoEffect {
        /// The tool.
        tool: String,
    },
}

impl ToolRuleError {
    /// What to write instead.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::NoTool => "write the tool's name as the agent's hooks report it; `*` stands for any characters",
            Self::BadField { .. } => "write fields as `path`, `options.cwd`, `paths[]` or `attachments[].media`",
            Self::NoEffect { .. } => {
                "add `decision = \"allow\"`, `\"ask\"` or `\"deny\"`, or list fields in `read`, `write` or `url`"
            }
        }
    }
}

impl ToolName {
    /// Reads a name such as `plugins` or `mcp__files__*`.
    ///
    /// # Errors
    /// When it is empty.
    pub fn parse(text: &str) -> Result<Self, ToolRuleError> {
        if text.is_empty() { Err(ToolRuleError::NoTool) } else { Ok(Self(Cow::Owned(text.to_owned()))) }
    }

    /// Whether the tool called `name` is meant, however it is spelled.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        fits(&folded_tool(&self.0), &folded_tool(name))
    }
}

impl Field {
    /// Reads a field.
    ///
    /// # Errors
    /// When a part of it is empty, or has brackets other than a closing `[]`.
    pub fn parse(text: &str) -> Result<Self, ToolRuleError> {
        let step = |part: &str| {
            let (name, each) = part.strip_suffix("[]").map_or((part, false), |name| (name, true));
            let plain = !name.is_empty() && !name.contains(['[', ']']);
            plain.then(|| Step { name: Cow::Owned(name.to_owned()), each })
        };
        let steps: Option<Vec<Step>> = text.split('.').map(step).collect();
        steps.map(Self).ok_or_else(|| ToolRuleError::BadField { text: text.escape_debug().to_string() })
    }

    /// The steps, from the outside in.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.0
    }
}

impl ToolRule {
    /// Whether the rule is about this call.
    #[must_use]
    pub fn fits(&self, tool: &str, input: &dyn ToolInput) -> bool {
        let holds = |(field, values): (&Field, &Vec<Words>)| {
            let text = match input.value(field) {
                FieldValue::Absent => "",
                FieldValue::Text(text) => trimmed(text),
                FieldValue::Compound => return false,
            };
            values.iter().any(|value| if text.is_empty() { value.is_empty() } else { fits(value, text) })
        };
        self.is_about(tool) && self.when.iter().all(holds) && (self.only.is_empty() || input.holds_only(&self.only))
    }

    /// Whether the rule is about uses of this tool.
    #[must_use]
    pub fn is_about(&self, tool: &str) -> bool {
        self.tools.iter().any(|name| name.matches(tool))
    }

    /// Whether the rule looks at fields of the input.
    #[must_use]
    pub fn reads_fields(&self) -> bool {
        !self.when.is_empty() || !self.only.is_empty() || self.names_files()
    }

    /// Whether fields of the input must be judged.
    #[must_use]
    pub const fn names_files(&self) -> bool {
        !self.read.is_empty() || !self.write.is_empty() || !self.url.is_empty() || !self.urls_in.is_empty()
    }

    /// Whether two rules say the same, wherever they were written.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        Self { origin: other.origin.clone(), ..self.clone() } == *other
    }

    /// The rule for a verdict: its tools, and where it was written.
    #[must_use]
    pub fn label(&self) -> String {
        let tools: Vec<&str> = self.tools.iter().map(|tool| &*tool.0).collect();
        format!("{} ({})", tools.join(", "), self.origin)
    }
}

impl From<String> for Words {
    fn from(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

impl Deref for Words {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// Whether two names are the same field to an agent that takes `foo_bar` for `fooBar`.
#[must_use]
pub fn is_same_field(one: &str, other: &str) -> bool {
    one == other || folded_field(one) == folded_field(other)
}

/// A field's name without case and underscores: all its spellings have the same.
#[must_use]
pub fn folded_field(name: &str) -> String {
    name.replace('_', "").to_lowercase()
}

/// A value without the white space around it, as JavaScript's `trim` sees it.
#[must_use]
pub fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c == '\u{feff}' || (c.is_whitespace() && c != '\u{85}'))
}

/// A tool's name as an agent may look it up: without white space around it, case, or a difference between `-` and `_`.
pub(crate) fn folded_tool(name: &str) -> String {
    trimmed(name).to_lowercase().replace('-', "_")
}

/// Whether `text` is what `pattern` says, in which `*` stands for any characters.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut left) = text.strip_prefix(first) else { return false };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return left.ends_with(part);
        }
        let Some(at) = left.find(part) else { return false };
        left = left.get(at + part.len()..).unwrap_or_default();
    }
    true
}

impl fmt::Display for ToolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            let dot = if index == 0 { "" } else { "." };
            let each = if step.each { "[]" } else { "" };
            write!(f, "{dot}{}{each}", step.name)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_a_star_matches_nothing_longer_and_every_spelling() {
        let name = ToolName::parse("plugins").unwrap();
        for spelled in ["plugins", "Plugins", " PLUGINS\u{a0}", "\u{feff}plugins"] {
            assert!(name.matches(spelled), "{spelled:?}");
        }
        for other in ["plugin", "plugins2", "plug ins", "xplugins", ""] {
            assert!(!name.matches(other), "{other}");
        }
        assert_eq!(ToolName::parse(""), Err(ToolRuleError::NoTool));
    }

    #[test]
    fn stars_match_any_characters_and_the_rest_stays_exact() {
        let fits = |pattern: &str, name: &str| ToolName::parse(pattern).unwrap().matches(name);
        assert!(fits("mcp__files__*", "mcp__files__read"));
        assert!(fits("mcp__files__*", "mcp__files__"));
        assert!(!fits("mcp__files__*", "mcp__other__read"));
        assert!(fits("*__read", "mcp__files__read"));
        assert!(!fits("*__read", "mcp__files__read_all"));
        assert!(fits("mcp__*__read", "mcp__a__b__read"));
        assert!(!fits("ab*ba", "aba"), "the ends must not overlap");
        assert!(fits("*", "anything"));
    }

    #[test]
    fn a_malformed_field_is_refused() {
        for text in ["", ".", "a.", ".a", "a..b", "[]", "a[0]", "a]b", "a[][]"] {
            assert!(matches!(Field::parse(text), Err(ToolRuleError::BadField { .. })), "{text}");
        }
        for text in ["path", "a.b", "paths[]", "attachments[].media", "-A"] {
            assert_eq!(Field::parse(text).unwrap().to_string(), text);
        }
    }
}
