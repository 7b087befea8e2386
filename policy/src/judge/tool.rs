//! Verdicts about tools.

use super::Judge;
use super::verdict::{Decision, ReasonCode, ToolKind, Verdict};
use crate::policy::ClientTools;
use crate::policy::ToolDefault;
use crate::tools::{PathDefault, ToolInput, ToolOutcome, ToolRule, folded_tool};

/// What the policy says to one call of a tool, before any path in it is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolVerdict<'a> {
    /// What kind of tool it is, by the lists.
    pub kind: ToolKind,
    /// The rule that decides about it in the place of the lists, if one fits. The fields that it names must be judged.
    pub rule: Option<&'a ToolRule>,
    /// What follows whatever its paths are; `None` when only they matter.
    pub verdict: Option<Verdict>,
}

impl Judge {
    /// Says what kind of tool an agent's tool is. The tools of an unknown agent are refused, and so is a name that is a shell's
    /// or a file tool's but for its spelling: the agent may run that tool, and other hooks would not know it.
    #[must_use]
    pub fn tool(&self, client: &str, tool: &str) -> ToolKind {
        match self.policy().tools.get(client) {
            None => ToolKind::Other(ToolDefault::Deny),
            Some(tools) if tools.shell.contains(tool) => ToolKind::Shell,
            Some(tools) if tools.file.contains(tool) => ToolKind::File,
            Some(tools) if is_misspelled(tools, tool) => ToolKind::Other(ToolDefault::Deny),
            Some(tools) => ToolKind::Other(tools.other),
        }
    }

    /// Judges a call of a tool: the first rule that fits, else the lists; and then whatever a workspace adds.
    #[must_use]
    pub fn tool_call(&self, client: &str, tool: &str, input: &dyn ToolInput) -> ToolVerdict<'_> {
        let kind = self.tool(client, tool);
        let tools = self.policy().tools.get(client);
        let fitting = |rule: &&ToolRule| rule.fits(tool, input);
        if let Some(verdict) = tools.and_then(|tools| unreadable(tools, tool, input)) {
            return ToolVerdict { kind, rule: None, verdict: Some(verdict) };
        }
        let rule = tools.and_then(|tools| tools.rules.iter().find(fitting));
        let narrowing = tools.into_iter().flat_map(|tools| &tools.narrowing).filter(fitting);
        let below = match (rule, kind) {
            (Some(rule), _) => by_rule(rule, tool),
            (None, ToolKind::Shell | ToolKind::File | ToolKind::Other(ToolDefault::Ignore)) => None,
            (None, ToolKind::Other(ToolDefault::Ask)) => Some(by_default(Decision::Ask, tool)),
            (None, ToolKind::Other(ToolDefault::Deny)) => Some(by_default(Decision::Deny, tool)),
        };
        let added = narrowing.filter_map(|rule| by_rule(rule, tool)).max_by_key(|verdict| verdict.decision);
        let verdict = match (below, added) {
            (Some(below), Some(added)) if below.decision >= added.decision => Some(below),
            (below, added) => added.or(below),
        };
        ToolVerdict { kind, rule, verdict }
    }

    /// What happens to a tool that nothing speaks of and that is given something like a path.
    #[must_use]
    pub fn path_default(&self, client: &str) -> PathDefault {
        self.policy().tools.get(client).map_or(PathDefault::Deny, |tools| tools.other_with_path)
    }
}

/// Whether a name is that of a listed tool in another spelling.
fn is_misspelled(tools: &ClientTools, tool: &str) -> bool {
    let listed = |name: &String| folded_tool(name) == folded_tool(tool);
    !tools.shell.contains(tool) && !tools.file.contains(tool) && tools.shell.iter().chain(&tools.file).any(listed)
}

/// The verdict on a call that the agent may understand otherwise than the rules: its tool's name is spelled in another way, or
/// a field stands in it in two spellings.
fn unreadable(tools: &ClientTools, tool: &str, input: &dyn ToolInput) -> Option<Verdict> {
    if is_misspelled(tools, tool) {
        let message = format!("The tool {tool:?} is a listed one in another spelling.");
        return Some(Verdict::deny(ReasonCode::Tool, None, message, "Write the tool's name as it is listed."));
    }
    let looked_at = |rule: &ToolRule| rule.is_about(tool) && rule.reads_fields();
    let field = tools.rules.iter().chain(&tools.narrowing).any(looked_at).then(|| input.ambiguous())??;
    let message = format!("The field {field:?} is there in two spellings.");
    Some(Verdict::deny(ReasonCode::Tool, None, message, "Give each field once."))
}

/// What a rule says of a call that it fits.
fn by_rule(rule: &ToolRule, tool: &str) -> Option<Verdict> {
    let (decision, does) = match rule.outcome? {
        ToolOutcome::Allow => return Some(Verdict::allow(Some(rule.label()), format!("The tool {tool} is listed."))),
        ToolOutcome::Ask => (Decision::Ask, "wants a person to decide on"),
        ToolOutcome::Deny => (Decision::Deny, "denies"),
    };
    let why = rule.reason.as_deref().unwrap_or("it is not part of this agent's work");
    let message = format!("The policy {does} this use of the tool {tool}: {why}.");
    let instead = rule.instead.as_deref().unwrap_or("Do the task without it, or ask the user to do that step.");
    Some(Verdict { decision, ..Verdict::deny(ReasonCode::Tool, Some(rule.label()), message, instead) })
}

/// What happens to a tool that neither a rule nor a list names.
fn by_default(decision: Decision, tool: &str) -> Verdict {
    let message = format!("The policy does not know the tool {tool}.");
    let instead =
        "Do the task with tools that run commands or edit files of the workspace, or ask the user to do that step.";
    Verdict { decision, ..Verdict::deny(ReasonCode::Tool, None, message, instead) }
}

#[cfg(test)]
#[path = "tool_tests.rs"]
mod tests;
