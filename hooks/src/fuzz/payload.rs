//! Payloads of every client: what cannot be read is denied, in words that the client takes for a denial; what is let go has been
//! read; and what is rewritten is changed in its command alone.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::LazyLock;

use lobsterpot_policy::{FileFacts, Judge, LoadRequest, Places, Reader, ToolKind, load};
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::answer::{Answer, GO_ON, STOP, Voice};
use crate::arguments::{Approval, Options};
use crate::call::{Call, Event, Outcome};
use crate::client::Client;
use crate::denial::Denial;
use crate::files::Imagined;
use crate::hook::answer;
use crate::rewrite::Rewrite;
use crate::role::Role;
use crate::shell;

/// A host without files.
struct NoFiles;

impl Reader for NoFiles {
    fn read(&self, _: &Path) -> io::Result<Option<FileFacts>> {
        Ok(None)
    }
}

/// The built-in policy's judge.
static JUDGE: LazyLock<Judge> = LazyLock::new(|| {
    let places = Places { home: "/home/me".into(), homes: vec!["/home/me".into()], uid: 1000, ..Places::default() };
    let request = LoadRequest { places, ..LoadRequest::default() };
    match load(&request, &NoFiles) {
        Ok(policy) => Judge::new(&policy, &request.places),
        Err(error) => panic!("the built-in policy cannot be loaded: {error}"),
    }
});

/// The text that every command is given.
const REWRITE: Rewrite<'_> = Rewrite {
    launcher: "/opt/pot/sandbox-exec",
    hook: "/opt/pot/sandbox-exec-hook",
    workspace: "/w",
    directory: None,
    options: "",
    shell: "/bin/bash",
    keeps_directory: false,
};

/// Any bytes, put to both hooks in the name of every client.
pub fn payload(data: &[u8]) {
    let document: Option<Value> = serde_json::from_slice(data).ok().filter(Value::is_object);
    let is_grammatical = serde_json::from_slice::<BTreeMap<String, IgnoredAny>>(data).is_ok();
    for client in Client::ALL {
        let options = |approval| Options {
            client,
            launcher: None,
            workspace: None,
            profile: None,
            policies: Vec::new(),
            readable: Vec::new(),
            approval,
        };
        let shell = told(Role::Shell, &options(Approval::Leave), data, |call, _| confined(call));
        let open = told(Role::Files, &options(Approval::Leave), data, |call, _| Imagined::Open.judge(call, &JUDGE));
        if document.is_none() {
            assert_eq!(open, Said::No, "{client}: what is no object was not denied");
            // Half of a character is within JSON's grammar and no text. In the input of a tool that is no shell only the other hook
            // looks at texts.
            assert!(shell == Said::No || is_grammatical, "{client}: what is no object was not denied");
            continue;
        }
        let barred = told(Role::Files, &options(Approval::Give), data, barred);
        assert!(
            open == Said::No || barred != Said::Yes || open == Said::Yes,
            "{client}: more is allowed where nothing is"
        );
    }
}

/// What a client makes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    /// The call goes ahead.
    Yes,
    /// A person is asked.
    Ask,
    /// The call is stopped.
    No,
}

/// Puts a payload to a hook whose judgement is `judge`, and checks the answer as the client reads it.
fn told(
    role: Role,
    options: &Options,
    data: &[u8],
    judge: impl FnOnce(&Call, &Options) -> Result<Outcome, Denial>,
) -> Said {
    let mut seen = None;
    let judged = answer(options, data, |call, options| {
        let outcome = judge(call, options);
        seen = Some((call.event, texts(call), outcome.as_ref().ok().map(words)));
        outcome
    });
    let (answer, listener) = match judged {
        Ok(answer) => (answer, Some(options.client)),
        Err(denial) => {
            let listener =
                if let Denial::Foreign { listener, .. } = &denial { *listener } else { Some(options.client) };
            (Voice { role, client: Some(options.client) }.denied(&denial), listener)
        }
    };
    let event = seen.as_ref().map(|(event, ..)| *event);
    let said = understood(&answer, listener, event);
    match (&seen, said) {
        (Some((_, before, Some(Words::Rewrite(command)))), Said::Yes) => {
            assert_rewritten(options.client, &answer, before, command);
        }
        (Some((_, _, Some(Words::Pass))), Said::Yes) => assert_unchanged(&answer),
        (Some((_, _, Some(Words::Ask))), Said::Ask) | (_, Said::No) => {}
        (seen, said) => panic!("{}: {said:?} after {seen:?}", options.client),
    }
    said
}

/// An outcome without what is asked.
#[derive(Debug)]
enum Words {
    /// It goes ahead.
    Pass,
    /// It goes ahead with this command.
    Rewrite(String),
    /// A person decides.
    Ask,
}

/// The same without what is asked.
fn words(outcome: &Outcome) -> Words {
    match outcome {
        Outcome::Pass => Words::Pass,
        Outcome::Rewrite(command) => Words::Rewrite(command.clone()),
        Outcome::Ask(_) => Words::Ask,
    }
}

/// A call's input, each member as it was written.
fn texts(call: &Call) -> Vec<(String, String)> {
    call.input.members().map(|(name, value)| (name.to_owned(), value.get().to_owned())).collect()
}

/// Puts a shell call into the sandbox, on a host where every program is where it should be. Other tools are asked about, so that
/// every answer that a client can be given is given.
///
/// # Errors
/// Every reason to stop the call.
fn confined(call: &Call) -> Result<Outcome, Denial> {
    let shell_call = call.client.dialect().shell(call);
    match JUDGE.tool(call.client.name(), &call.tool) {
        ToolKind::Shell => shell::carried(&shell_call?, &REWRITE),
        ToolKind::File => Ok(Outcome::Pass),
        ToolKind::Other(_) => Ok(Outcome::Ask("the policy wants a person to decide".to_owned())),
    }
}

/// Judges a call's paths where none may be used: no file tool gets through.
///
/// # Errors
/// Every reason to stop the call.
fn barred(call: &Call, _: &Options) -> Result<Outcome, Denial> {
    let outcome = Imagined::Barred.judge(call, &JUDGE);
    let is_file = matches!(JUDGE.tool(call.client.name(), &call.tool), ToolKind::File);
    let passed = matches!(outcome, Ok(Outcome::Pass | Outcome::Rewrite(_)));
    assert!(
        !is_file || !passed || Imagined::is_ruled(call, &JUDGE),
        "{} uses a path unseen: {:?}",
        call.tool,
        texts(call)
    );
    outcome
}

/// What the client makes of an answer, by its own rules; checks that it is one document and has a reason.
fn understood(answer: &Answer, listener: Option<Client>, event: Option<Event>) -> Said {
    let (stdout, stderr, status) = answer.parts();
    let document: Option<Value> = (!stdout.is_empty()).then(|| match serde_json::from_slice(stdout) {
        Ok(document) => document,
        Err(error) => panic!("the answer is not one document: {error}"),
    });
    assert!(
        stdout.is_empty() || (stdout.ends_with(b"\n") && !stdout.trim_ascii_end().contains(&b'\n')),
        "more than a line"
    );
    let said = match (listener, &document) {
        (Some(client), Some(document)) => decision(client, event, document),
        // Silence is consent by its status alone; our own adapters and Cline want a word.
        (Some(Client::Opencode | Client::OpenClaw | Client::Cline | Client::Cursor), None) => Said::No,
        (_, None) => {
            if status == GO_ON {
                Said::Yes
            } else {
                Said::No
            }
        }
        (None, Some(document)) => panic!("nobody was to be told {document}"),
    };
    match status {
        STOP => {
            assert_eq!(said, Said::No, "denied, and told otherwise: {document:?}");
            assert!(stderr.ends_with('\n') && stderr.contains("hint: "), "denied without a reason: {stderr:?}");
        }
        GO_ON => {
            assert_eq!(stderr, "");
            assert_ne!(said, Said::No, "let go, and told otherwise: {document:?}");
        }
        other => panic!("the status {other}"),
    }
    said
}

/// The decision that a client finds in a document.
fn decision(client: Client, event: Option<Event>, document: &Value) -> Said {
    let specific = &document["hookSpecificOutput"];
    let shaped = event == Some(Event::ClaudeShaped);
    let word = match client {
        Client::ClaudeCode | Client::Codex => &specific["permissionDecision"],
        // A denial comes in one form for both events: there the status counts, whatever is said.
        Client::Copilot if shaped && document["permissionDecision"] != "deny" => &specific["permissionDecision"],
        Client::Copilot => &document["permissionDecision"],
        Client::Gemini | Client::Opencode | Client::OpenClaw => &document["decision"],
        Client::Cursor => &document["permission"],
        Client::Cline => return if document["cancel"] == Value::Bool(true) { Said::No } else { Said::Yes },
    };
    match word.as_str() {
        Some("deny") => Said::No,
        Some("ask") => Said::Ask,
        Some("allow") | None => Said::Yes,
        Some(other) => panic!("no client knows the word {other:?}"),
    }
}

/// The input that an answer puts in the place of the model's.
fn replaced(document: &Value) -> Option<&Value> {
    let specific = &document["hookSpecificOutput"];
    let places = [
        &specific["updatedInput"],
        &specific["tool_input"],
        &document["modifiedArgs"],
        &document["updated_input"],
        &document["params"],
    ];
    places.into_iter().find(|value| !value.is_null())
}

/// Checks that an answer changes nothing.
fn assert_unchanged(answer: &Answer) {
    let document: Value = serde_json::from_slice(answer.parts().0).unwrap_or_default();
    assert_eq!(replaced(&document), None, "a call that passes is changed");
}

/// Checks that an answer changes the command alone.
fn assert_rewritten(client: Client, answer: &Answer, before: &[(String, String)], command: &str) {
    assert!(command.starts_with("/opt/pot/sandbox-exec --workspace /w -- /bin/bash -c '"), "{command}");
    let document: Value = serde_json::from_slice(answer.parts().0).unwrap_or_default();
    let Some(Value::Object(after)) = replaced(&document) else { panic!("{client}: {document} rewrites nothing") };
    assert_eq!(after.get("command").and_then(Value::as_str), Some(command), "{client}");
    for (name, value) in before {
        // OpenClaw's variables went into the sandbox with the command; Codex takes the command alone.
        let expected = match (client, name.as_str()) {
            (_, "command") | (Client::Codex, _) => continue,
            (Client::OpenClaw, "env") => Ok(serde_json::json!({})),
            (..) => serde_json::from_str::<Value>(value),
        };
        if let Ok(expected) = expected {
            assert_eq!(after.get(name), Some(&expected), "{client}: {name} was changed on the way");
        }
    }
    assert!(after.len() <= before.len(), "{client}: {after:?} has more than there was");
}
