//! Attacks on rules about tools.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::compose::Composition;
use crate::origin::{SourceId, Tier};
use crate::pattern::Places;
use crate::tools::{Field, FieldValue};

/// An input of texts.
struct Input(BTreeMap<Field, String>);

impl ToolInput for Input {
    fn value(&self, field: &Field) -> FieldValue<'_> {
        match self.0.get(field).map(String::as_str) {
            None | Some("") => FieldValue::Absent,
            Some("[]") => FieldValue::Compound,
            Some(text) => FieldValue::Text(text),
        }
    }

    fn holds_only(&self, fields: &[Field]) -> bool {
        self.0.iter().all(|(field, value)| fields.contains(field) && value != "[]")
    }

    fn ambiguous(&self) -> Option<&str> {
        self.0.get(&Field::parse("twice").ok()?).map(String::as_str)
    }
}

/// A judge of texts, the lowest layer first.
fn judge(layers: &[(Tier, &str)]) -> Judge {
    let mut composition = Composition::default();
    for (tier, text) in layers {
        let source = SourceId { tier: *tier, file: Some(Arc::from(Path::new("/p.toml"))) };
        let layer = crate::wire::parse(text, &source).unwrap();
        if *tier == Tier::Workspace {
            crate::narrow::check(&layer, &composition).unwrap();
        }
        composition.apply(layer, &source).unwrap();
    }
    Judge::new(&composition.finish("agent"), &Places::default())
}

/// What happens to a call of `tool` with one field.
fn outcome(judge: &Judge, tool: &str, field: &str, value: &str) -> Option<Decision> {
    let input = Input([(Field::parse(field).unwrap(), value.to_owned())].into());
    judge.tool_call("c", tool, &input).verdict.map(|verdict| verdict.decision)
}

/// A list of what is allowed, with everything else refused.
const SYSTEM: &str = r#"
    [tools.c]
    other = "ignore"
    rules = [
      { tool = "plugins", when = { action = ["list", "inspect"] }, decision = "allow" },
      { tool = "plugins", decision = "deny", reason = "plugins hold the guard", instead = "Ask the user." },
      { tool = "spawn", when = { runtime = ["", "subagent"] }, decision = "allow" },
      { tool = "spawn", decision = "deny" },
    ]
"#;

#[test]
fn the_first_rule_that_fits_decides_and_near_misses_do_not_fit() {
    let judge = judge(&[(Tier::System, SYSTEM)]);
    assert_eq!(outcome(&judge, "plugins", "action", "list"), Some(Decision::Allow));
    for value in [" list", "list\u{a0}", "\u{feff}list\n"] {
        assert_eq!(outcome(&judge, "plugins", "action", value), Some(Decision::Allow), "an agent trims it: {value:?}");
    }
    for value in ["disable", " disable", "List", "", "[]", "list\0"] {
        assert_eq!(outcome(&judge, "plugins", "action", value), Some(Decision::Deny), "{value:?}");
    }
    assert_eq!(outcome(&judge, "spawn", "x", "y"), Some(Decision::Allow), "an absent field may be listed as \"\"");
    assert_eq!(outcome(&judge, "spawn", "runtime", "acp"), Some(Decision::Deny));
    assert_eq!(outcome(&judge, "spawn", "runtime", "[]"), Some(Decision::Deny));
    assert_eq!(outcome(&judge, "memory", "x", "y"), None);
}

#[test]
fn a_listed_tool_in_another_spelling_is_refused_whatever_a_rule_says() {
    let user = r#"
        [tools.c]
        shell = ["exec", "Bash"]
        file = ["apply_patch"]
        other = "ignore"
        rules = [{ tool = "exec", decision = "allow" }]
    "#;
    let judge = judge(&[(Tier::System, user)]);
    for tool in ["Exec", "exec ", "\u{feff}exec", "EXEC", "bash", "BASH\n", "apply-patch", "Apply_Patch"] {
        assert_eq!(judge.tool("c", tool), ToolKind::Other(ToolDefault::Deny), "{tool:?}");
        assert_eq!(outcome(&judge, tool, "x", "y"), Some(Decision::Deny), "{tool:?}");
    }
    assert_eq!(judge.tool("c", "exec"), ToolKind::Shell);
    assert_eq!(judge.tool("c", "executor"), ToolKind::Other(ToolDefault::Ignore));
}

#[test]
fn a_rule_with_a_closed_list_of_fields_does_not_fit_a_call_with_another() {
    let user = r#"
        [tools.c]
        rules = [{ tool = "t", only = ["a", "b.c"], decision = "allow" }, { tool = "t", decision = "deny" }]
    "#;
    let judge = judge(&[(Tier::System, user)]);
    for (field, decision) in
        [("a", Decision::Allow), ("b.c", Decision::Allow), ("b", Decision::Deny), ("x", Decision::Deny)]
    {
        assert_eq!(outcome(&judge, "t", field, "v"), Some(decision), "{field}");
    }
}

#[test]
fn a_field_in_two_spellings_stops_a_call_that_rules_look_into() {
    let judge = judge(&[(Tier::System, SYSTEM)]);
    assert_eq!(outcome(&judge, "spawn", "twice", "x"), Some(Decision::Deny));
    assert_eq!(outcome(&judge, "memory", "twice", "x"), None, "nobody looks into it");
}

#[test]
fn a_users_rules_come_before_those_below() {
    let user = "[tools.c]\nrules = [{ tool = \"plugins\", decision = \"ask\" }]\n";
    let judge = judge(&[(Tier::System, SYSTEM), (Tier::User, user)]);
    assert_eq!(outcome(&judge, "plugins", "action", "list"), Some(Decision::Ask));
    assert_eq!(outcome(&judge, "plugins", "action", "disable"), Some(Decision::Ask));
    assert_eq!(outcome(&judge, "spawn", "runtime", "acp"), Some(Decision::Deny));
}

#[test]
fn a_workspace_that_asks_about_what_is_denied_does_not_soften_it() {
    let workspace =
        "[tools.c]\nrules = [{ tool = \"*\", decision = \"ask\" }, { tool = \"memory\", decision = \"deny\" }]\n";
    let judge = judge(&[(Tier::System, SYSTEM), (Tier::Workspace, workspace)]);
    assert_eq!(outcome(&judge, "plugins", "action", "disable"), Some(Decision::Deny));
    assert_eq!(outcome(&judge, "plugins", "action", "list"), Some(Decision::Ask));
    assert_eq!(outcome(&judge, "memory", "x", "y"), Some(Decision::Deny));
    assert_eq!(outcome(&judge, "anything", "x", "y"), Some(Decision::Ask));
}

#[test]
fn a_workspace_that_asks_about_an_unlisted_tool_does_not_soften_the_default() {
    let workspace = "[tools.c]\nrules = [{ tool = \"*\", decision = \"ask\" }]\n";
    let judge = judge(&[(Tier::System, "[tools.c]\nother = \"deny\"\n"), (Tier::Workspace, workspace)]);
    assert_eq!(outcome(&judge, "anything", "x", "y"), Some(Decision::Deny));
}

#[test]
fn a_verdict_names_the_rule_the_reason_and_the_way_out() {
    let judge = judge(&[(Tier::System, SYSTEM)]);
    let verdict = judge.tool_call("c", "plugins", &Input(BTreeMap::new())).verdict.unwrap();
    assert_eq!(verdict.reason.as_str(), "tool.denied");
    assert_eq!(verdict.rule.as_deref(), Some("plugins (/p.toml:6)"));
    assert_eq!(verdict.message, "The policy denies this use of the tool plugins: plugins hold the guard.");
    assert_eq!(verdict.instead, "Ask the user.");
}

#[test]
fn a_path_given_to_a_tool_that_nobody_knows_is_never_simply_ignored_by_default() {
    let with = |text: &str| judge(&[(Tier::User, text)]).path_default("c");
    assert_eq!(with("[tools.c]\nother = \"ignore\"\n"), PathDefault::Ask);
    assert_eq!(with("[tools.c]\nshell = [\"x\"]\n"), PathDefault::Deny);
    assert_eq!(with("[tools.c]\nother_with_path = \"judge\"\n"), PathDefault::Judge);
    assert_eq!(with("[tools.d]\nother = \"ignore\"\n"), PathDefault::Deny, "an unknown client's");
}
