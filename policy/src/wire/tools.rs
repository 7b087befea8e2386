//! `[tools.<client>]`: how rules about tools are written.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use toml::Spanned;

use super::document::List;
use super::locate::Locator;
use crate::error::PolicyError;
use crate::origin::Tier;
use crate::overlay::{Stated, ToolsOverlay};
use crate::policy::ToolDefault;
use crate::tools::{Field, PathDefault, ToolName, ToolOutcome, ToolRule, ToolRuleError, Words};

/// `[tools.<client>]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ToolsSection {
    /// Tools that run a command line.
    shell: Vec<String>,
    /// Tools that name a file.
    file: Vec<String>,
    /// What happens to all others.
    other: Option<ToolDefault>,
    /// What happens to all others that are given something like a path.
    other_with_path: Option<PathDefault>,
    /// Rules about single tools, the first that fits deciding.
    rules: List<RuleEntry>,
}

/// One rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleEntry {
    /// The tools.
    tool: Values,
    /// What fields must hold.
    #[serde(default)]
    when: BTreeMap<String, Values>,
    /// The only fields that there may be.
    #[serde(default)]
    only: Vec<String>,
    /// What happens.
    decision: Option<ToolOutcome>,
    /// Fields that are read.
    #[serde(default)]
    read: Vec<String>,
    /// Fields that are changed.
    #[serde(default)]
    write: Vec<String>,
    /// Fields that are addresses.
    #[serde(default)]
    url: Vec<String>,
    /// Fields that hold text in which addresses stand.
    #[serde(default)]
    urls_in: Vec<String>,
    /// Why.
    reason: Option<String>,
    /// What to do instead.
    instead: Option<String>,
}

/// One text or a list of them: tools, or the values that a condition accepts.
#[derive(Debug)]
struct Values(Vec<String>);

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// Accepts both forms.
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Values;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a truth value, or a list of them")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Values, E> {
                Ok(Values(vec![text.to_owned()]))
            }

            fn visit_bool<E: Error>(self, truth: bool) -> Result<Values, E> {
                Ok(Values(vec![truth.to_string()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Values, A::Error> {
                let mut all = Vec::new();
                while let Some(Values(values)) = list.next_element()? {
                    all.extend(values);
                }
                Ok(Values(all))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// Converts the tools of one client. Rules of a workspace are kept apart: they can only make a verdict stricter.
///
/// # Errors
/// When a rule is malformed.
pub(super) fn overlay(section: Spanned<ToolsSection>, at: &Locator<'_>) -> Result<Stated<ToolsOverlay>, PolicyError> {
    let origin = at.origin(&section.span());
    let ToolsSection { shell, file, other, other_with_path, rules } = section.into_inner();
    let converted = rules.into_iter().map(|entry| rule(entry, at)).collect::<Result<Vec<_>, _>>()?;
    let (rules, narrowing) =
        if at.source().tier == Tier::Workspace { (Vec::new(), converted) } else { (converted, Vec::new()) };
    let value = ToolsOverlay {
        shell: shell.into_iter().collect(),
        file: file.into_iter().collect(),
        other,
        other_with_path,
        rules,
        narrowing,
    };
    Ok(Stated { value, origin })
}

/// Converts one rule.
///
/// # Errors
/// When the name of a tool or field is malformed, or nothing follows from the rule.
fn rule(entry: Spanned<RuleEntry>, at: &Locator<'_>) -> Result<ToolRule, PolicyError> {
    let span = entry.span();
    let RuleEntry { tool, when, only, decision, read, write, url, urls_in, reason, instead } = entry.into_inner();
    let build = || -> Result<ToolRule, ToolRuleError> {
        let when = when
            .into_iter()
            .map(|(field, values)| Ok((Field::parse(&field)?, values.0.into_iter().map(Words::from).collect())));
        let rule = ToolRule {
            tools: tool.0.iter().map(|name| ToolName::parse(name)).collect::<Result<_, _>>()?,
            when: when.collect::<Result<_, ToolRuleError>>()?,
            only: fields(&only)?,
            outcome: decision,
            read: fields(&read)?,
            write: fields(&write)?,
            url: fields(&url)?,
            urls_in: fields(&urls_in)?,
            reason: reason.map(Words::from),
            instead: instead.map(Words::from),
            origin: at.origin(&span),
        };
        if rule.tools.is_empty() {
            return Err(ToolRuleError::NoTool);
        }
        let idle = rule.outcome.is_none() && !rule.names_files();
        if idle { Err(ToolRuleError::NoEffect { tool: tool.0.join(", ") }) } else { Ok(rule) }
    };
    build().map_err(|source| PolicyError::Tool { at: at.position(&span), source })
}

/// Reads a list of fields.
///
/// # Errors
/// When one of them is malformed.
fn fields(texts: &[String]) -> Result<Vec<Field>, ToolRuleError> {
    texts.iter().map(|text| Field::parse(text)).collect()
}
