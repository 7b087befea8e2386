//! The protocol between our OpenClaw plugin and the hooks.
//!
//! The plugin runs in OpenClaw's own process, so what it says of the workspace and the backend is as good as OpenClaw's word;
//! the parameters are the model's. It stops the call unless one decision comes back.

use std::path::PathBuf;

use crate::arguments::Approval;
use crate::call::{Call, Lane, OpenClawFacts, Origin, ShellCall};
use crate::client::Client;
use crate::denial::Denial;
use crate::wire::{Dialect, Fields, Refusal, command_of, decision};

/// OpenClaw.
#[derive(Debug)]
pub(crate) struct OpenClaw;

/// OpenClaw's kind of the outer call of code mode, whose `command` is JavaScript.
const CODE_MODE: &str = "code_mode_exec";

impl Dialect for OpenClaw {
    fn read(&self, payload: Fields) -> Result<Call, Denial> {
        decision::addressed(&payload, Client::OpenClaw)?;
        let workspace = PathBuf::from(payload.required("workspace")?);
        let directory = payload.optional("directory")?.map_or_else(|| workspace.clone(), PathBuf::from);
        let derived: Option<Vec<PathBuf>> = payload.decoded("derived_paths")?.flatten();
        let backend = payload.decoded("backend")?;
        let (tool, input) = (payload.required("tool")?, payload.object("params")?);
        Ok(Call {
            session: payload.optional("session")?,
            origin: Some(Origin::Folders(vec![workspace])),
            openclaw: Some(OpenClawFacts {
                kind: payload.optional("kind")?,
                derived_paths: derived.unwrap_or_default(),
                backend: backend.ok_or_else(|| Denial::Payload { problem: "\"backend\" is missing".to_owned() })?,
            }),
            ..Call::of(Client::OpenClaw, tool, input, directory)
        })
    }

    fn shell(&self, call: &Call) -> Result<ShellCall, Denial> {
        stays_here(&call.input)?;
        // Code mode's outer call runs no shell, and its inner calls are announced one by one.
        let code = call.openclaw.as_ref().is_some_and(|facts| facts.kind.as_deref() == Some(CODE_MODE));
        let lane = if code { Lane::Confined } else { Lane::Rewrite };
        Ok(ShellCall { environment: environment(&call.input)?, lane, ..command_of(call)? })
    }

    fn passed(&self) -> Vec<u8> {
        decision::allowed(None).unwrap_or_default()
    }

    fn rewritten(&self, mut call: Call, _: Approval) -> Result<Vec<u8>, Denial> {
        // The variables go into the sandbox with the command. In OpenClaw's own shell a function called `exec` would run
        // outside.
        let none = serde_json::value::to_raw_value(&Fields::default())
            .map_err(|error| Denial::Internal { problem: error.to_string() })?;
        call.input.replace("env", &none);
        decision::allowed(Some(&call.input))
    }

    fn asked(&self, _: &Call, reason: &str) -> Result<Vec<u8>, Denial> {
        decision::asked(reason)
    }

    fn denied(&self, refusal: &Refusal<'_>) -> Vec<u8> {
        decision::denied(refusal)
    }
}

/// Refuses a call that asks to be run elsewhere than on this host: no sandbox is there.
///
/// What stays here is rewritten whatever else it asks for (`host`, `elevated`), and whether or not OpenClaw will run it in our
/// backend: that is decided later than this, by settings that may change.
///
/// # Errors
/// When it does.
fn stays_here(input: &Fields) -> Result<(), Denial> {
    let host = input.optional("host")?;
    let here = matches!(host.as_deref(), None | Some("auto" | "sandbox" | "gateway"));
    if here && input.optional("node")?.is_none() {
        return Ok(());
    }
    Err(Denial::Command {
        problem: "it asks for another host, where no sandbox is: leave `host` and `node` out".to_owned(),
    })
}

/// The variables that the model sets, each as `NAME=VALUE`.
///
/// # Errors
/// When they are not an object of texts, or a name or value is none that a process can be given.
fn environment(input: &Fields) -> Result<Vec<String>, Denial> {
    let given: Fields = match input.decoded::<Option<Fields>>("env")? {
        Some(Some(fields)) => fields,
        _ => return Ok(Vec::new()),
    };
    given.texts()?.into_iter().map(|(name, value)| assignment(&name, &value)).collect()
}

/// One variable as `NAME=VALUE`.
///
/// # Errors
/// When the name is no shell name, or the value holds a NUL.
fn assignment(name: &str, value: &str) -> Result<String, Denial> {
    let letter = |byte: u8| byte == b'_' || byte.is_ascii_alphabetic();
    let first = name.bytes().next().is_some_and(letter);
    if first && name.bytes().all(|byte| letter(byte) || byte.is_ascii_digit()) && !value.contains('\0') {
        return Ok(format!("{name}={value}"));
    }
    let message = format!("\"{name}\" is no variable that a shell can set to this value");
    Err(refused(&message, "Leave it out of `env`."))
}

/// The denial of a command for what stands beside it.
fn refused(message: &str, instead: &str) -> Denial {
    Denial::Judged { code: "hook.command", message: message.to_owned(), instead: instead.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::{OpenClaw, assignment};
    use crate::call::{Call, Lane};
    use crate::denial::Denial;
    use crate::wire::Dialect;

    /// Reads a call of `exec` with these parameters and further fields.
    ///
    /// # Errors
    /// As the dialect.
    fn read(params: &str, rest: &str) -> Result<Call, Denial> {
        let payload =
            format!(r#"{{"client":"openclaw","version":1,"tool":"exec","workspace":"/w","params":{params},{rest}}}"#);
        OpenClaw.read(serde_json::from_str(&payload).unwrap())
    }

    #[test]
    fn a_call_that_asks_to_leave_the_sandbox_is_refused() {
        for extra in [
            r#""host":"node""#,
            r#""host":"GATEWAY""#,
            r#""host":"laptop""#,
            r#""host":7"#,
            r#""node":"laptop""#,
            r#""env":{"BASH_FUNC_exec%%":"() { id; }"}"#,
            r#""env":{"A=B":"c"}"#,
            r#""env":{"A":7}"#,
            r#""env":["A=b"]"#,
        ] {
            let call = read(&format!(r#"{{"command":"ls",{extra}}}"#), r#""backend":false"#).unwrap();
            assert!(OpenClaw.shell(&call).is_err(), "{extra}");
        }
    }

    #[test]
    fn only_the_script_of_code_mode_is_left_alone() {
        for (rest, lane) in [
            (r#""backend":false"#, Lane::Rewrite),
            (r#""backend":true"#, Lane::Rewrite),
            (r#""backend":false,"kind":"code_mode_exec""#, Lane::Confined),
            (r#""backend":false,"kind":"other""#, Lane::Rewrite),
        ] {
            for input in [r#"{"command":"ls"}"#, r#"{"command":"ls","host":"gateway","elevated":true}"#] {
                assert_eq!(OpenClaw.shell(&read(input, rest).unwrap()).unwrap().lane, lane, "{input} {rest}");
            }
        }
        assert!(read(r#"{"command":"ls"}"#, r#""kind":null"#).is_err(), "nothing says whether there is a backend");
    }

    #[test]
    fn a_variable_is_a_name_and_data() {
        assert_eq!(assignment("A_1", "x=' $y").unwrap(), "A_1=x=' $y");
        for name in ["", "1A", "A-B", "A B", "é"] {
            assert!(assignment(name, "").is_err(), "{name}");
        }
        assert!(assignment("A", "\0").is_err());
    }
}
