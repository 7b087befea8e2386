//! What `fs-guard-hook` makes of a call: its paths are looked for, resolved as the sandbox would see them, and judged.
//!
//! Three kinds of calls. A **file tool** of a known client: its fields are known ([`table`]), and everything in it that is
//! named like a path counts besides. A tool that a **rule** of the policy speaks of: the rule says what happens, and which
//! fields are paths. **Any other** tool: when something in its input looks like a path, the policy's default for that
//! decides. Commands of shell tools are not looked into; the sandbox confines them.

mod address;
mod claim;
mod ground;
#[cfg(any(test, fuzzing))]
mod imagined;
mod internal;
mod likeness;
mod patch;
mod remote;
mod table;
mod value;

use std::mem::ManuallyDrop;
use std::sync::Arc;

use lobsterpot_fs_guard::guard::{Draft, Guard, GuardError, HomeSource, Objects, Options as GuardOptions, Uses};
use lobsterpot_policy::{
    Access, Decision, Field, Judge, PathDefault, ReasonCode, ToolKind, ToolRule, Verdict, trimmed,
};
use nix::unistd::getuid;

use crate::arguments::Options;
use crate::call::{Call, Outcome};
use crate::denial::Denial;
use crate::settings::Settings;
use crate::workspace;
use claim::Claim;
use ground::{Ground, Holds};
#[cfg(any(test, fuzzing))]
pub(crate) use imagined::Imagined;
use likeness::{Sign, Suspect};
use table::Use;
pub(crate) use value::Value;

/// The most texts of an unknown tool's input that are compared with what exists.
const MOST_LOOKS: usize = 4096;

/// Judges a call.
///
/// # Errors
/// Every reason to stop it.
pub(crate) fn judge(call: &Call, options: &Options) -> Result<Outcome, Denial> {
    let input = Value::of(&call.input)?;
    // Never dropped: the process ends with its answer, and freeing a policy piece by piece takes time.
    let guard = ManuallyDrop::new(guard(call, options)?);
    outcome(verdict(call, &input, guard.judge(), &*guard)?)
}

/// What follows from a verdict for the call.
///
/// # Errors
/// When it denies the call.
fn outcome(verdict: Option<Verdict>) -> Result<Outcome, Denial> {
    match verdict.map(|verdict| (verdict.decision, verdict)) {
        None | Some((Decision::Allow, _)) => Ok(Outcome::Pass),
        Some((Decision::Ask, verdict)) => Ok(Outcome::Ask(format!("{} {}", verdict.message, verdict.instead))),
        Some((Decision::Deny, verdict)) => {
            Err(Denial::Judged { code: verdict.reason.as_str(), message: verdict.message, instead: verdict.instead })
        }
    }
}

/// The guard for the call's workspace. The policy is composed once: it tells which the workspace is, and then judges.
///
/// # Errors
/// When there is no workspace, or no policy.
fn guard(call: &Call, options: &Options) -> Result<Guard, Denial> {
    let unusable = |error: GuardError| Denial::Policy {
        problem: error.to_string(),
        remedy: format!("Tell the user: {}", error.hint()),
    };
    let uid = getuid().as_raw();
    let known = workspace::known_beforehand(call, options).and_then(|folder| folder.canonicalize().ok());
    let guard_options = GuardOptions {
        profile: options.profile,
        policies: options.policies.clone(),
        workspaces: known.into_iter().collect(),
        readable: options.readable.clone(),
        directory: call.directory.clone(),
        home: HomeSource::Passwd,
        uses: Uses::Once,
        ..GuardOptions::default()
    };
    let draft = Draft::load(&guard_options).map_err(unusable)?;
    let settings = Settings::sharing(Arc::clone(draft.policy()), uid)?;
    let workspace = workspace::of(call, options, &settings)?;
    draft.settle(vec![workspace]).map_err(unusable)
}

/// The strictest of all verdicts on a call; `None` when nothing speaks against it.
///
/// # Errors
/// When its input cannot be understood.
fn verdict(call: &Call, input: &Value, judge: &Judge, ground: &dyn Ground) -> Result<Option<Verdict>, Denial> {
    let client = call.client.name();
    let said = judge.tool_call(client, &call.tool, input);
    let mut verdicts: Vec<Verdict> = said.verdict.into_iter().collect();
    match (said.rule, said.kind) {
        (Some(rule), _) => by_rule(rule, input, ground, &mut verdicts)?,
        (None, ToolKind::Shell) => {}
        (None, ToolKind::File) => by_table(call, input, ground, &mut verdicts)?,
        (None, ToolKind::Other(_)) => {
            by_likeness(input, judge.path_default(client), ground, &mut verdicts)?;
            let addresses = likeness::addresses(input);
            verdicts
                .extend(addresses.into_iter().filter_map(|text| ground::address(ground, text, Holds::Either).err()));
        }
    }
    Ok(strictest(verdicts))
}

/// The strictest verdict, the first of several.
fn strictest(verdicts: Vec<Verdict>) -> Option<Verdict> {
    verdicts.into_iter().reduce(|strictest, next| if next.decision > strictest.decision { next } else { strictest })
}

/// Judges the fields that a rule names, and those that are named like paths besides.
///
/// # Errors
/// When a field holds no text.
fn by_rule(rule: &ToolRule, input: &Value, ground: &dyn Ground, verdicts: &mut Vec<Verdict>) -> Result<(), Denial> {
    if !rule.names_files() {
        return Ok(());
    }
    for text in texts(&rule.read, input)? {
        verdicts.extend(ground::path(ground, text, Access::Read, Objects::Content).err());
    }
    for text in texts(&rule.write, input)? {
        verdicts.extend(ground::path(ground, text, Access::Write, Objects::Content).err());
    }
    for field in &rule.url {
        let holds = if likeness::is_of_addresses(field) { Holds::Address } else { Holds::Either };
        for text in texts(std::slice::from_ref(field), input)? {
            verdicts.extend(ground::address(ground, text, holds).err());
        }
    }
    for text in texts(&rule.urls_in, input)? {
        verdicts.extend(remote::within(text).filter_map(|found| ground::address(ground, found, Holds::Either).err()));
    }
    let access = if rule.write.is_empty() { Access::Read } else { Access::Write };
    let known: Vec<&Field> = [&rule.read, &rule.write, &rule.url, &rule.urls_in].into_iter().flatten().collect();
    for text in likeness::named_beside(input, &known).into_iter().flat_map(readings) {
        verdicts.extend(ground::path(ground, text, access, Objects::Content).err());
    }
    Ok(())
}

/// What an agent may make of a text in a field: the text itself, without white space around it, and without `MEDIA:`.
fn readings(text: &str) -> Vec<&str> {
    let mut readings = vec![text];
    let mut rest = trimmed(text);
    loop {
        readings.push(rest);
        let Some((mark, after)) = rest.split_once(':') else { break };
        if !trimmed(mark).eq_ignore_ascii_case("media") {
            break;
        }
        rest = trimmed(after);
    }
    readings.dedup();
    readings.retain(|reading| !reading.is_empty());
    readings
}

/// The texts that fields hold, in every reading.
///
/// # Errors
/// When a field holds something else.
fn texts<'a>(fields: &[Field], input: &'a Value) -> Result<Vec<&'a str>, Denial> {
    let mut texts = Vec::new();
    for field in fields {
        let wrong = || Denial::Payload { problem: format!("\"{field}\" is not what the policy expects there: a text") };
        for value in input.at_in_any_case(field.steps()).ok_or_else(wrong)? {
            match value {
                Value::Null => {}
                Value::Text(text) if text.is_empty() => {}
                Value::Text(text) => texts.extend(readings(text)),
                Value::Scalar(_) | Value::List(_) | Value::Object(_) => return Err(wrong()),
            }
        }
    }
    Ok(texts)
}

/// Judges a file tool by what is known of its fields.
///
/// # Errors
/// When a field is missing or of another type.
fn by_table(call: &Call, input: &Value, ground: &dyn Ground, verdicts: &mut Vec<Verdict>) -> Result<(), Denial> {
    let mut claims = match table::shape(call.client, &call.tool) {
        Some(shape) => claim::claims(shape, input)?,
        None => unshaped(input, ground)?,
    };
    if claims.is_empty() {
        verdicts.push(unplaced(&call.tool));
    }
    let derived = call.openclaw.iter().flat_map(|facts| &facts.derived_paths).filter_map(|path| path.to_str());
    claims.extend(derived.map(|text| Claim { text: text.to_owned(), used: Use::Write, base: None }));
    for claim in claims {
        let refused = ground::judge(ground, &claim).err();
        verdicts.extend(refused.filter(|_| !internal::permits(call, &claim.text, claim.used)));
    }
    Ok(())
}

/// What a file tool that only the policy knows may change: everything in its input that looks like a path.
///
/// # Errors
/// When there is more of it than can be looked at.
fn unshaped(input: &Value, ground: &dyn Ground) -> Result<Vec<Claim>, Denial> {
    let paths = suspects(input)?.into_iter().filter(|suspect| ground::is_path(ground, *suspect));
    Ok(paths.map(|suspect| Claim { text: suspect.text.to_owned(), used: Use::Write, base: None }).collect())
}

/// Everything in an input that may be a path.
///
/// # Errors
/// When there is more of it than can be looked at.
fn suspects(input: &Value) -> Result<Vec<Suspect<'_>>, Denial> {
    let suspects = likeness::suspects(input, &[]);
    if suspects.len() > MOST_LOOKS {
        return Err(Denial::Payload { problem: "the input of a tool that is not known has too many texts".to_owned() });
    }
    Ok(suspects)
}

/// The verdict on a file tool that names no file.
fn unplaced(tool: &str) -> Verdict {
    let message = format!("The policy says that the tool {tool} names a file, but not where.");
    let instead = "Ask the user to add a rule with the tool's fields to tools in their policy.";
    Verdict::deny(ReasonCode::Tool, None, message, instead)
}

/// Judges a tool that nobody knows by what in its input looks like a path.
///
/// # Errors
/// When there is more of it than can be looked at.
fn by_likeness(
    input: &Value,
    default: PathDefault,
    ground: &dyn Ground,
    verdicts: &mut Vec<Verdict>,
) -> Result<(), Denial> {
    if default == PathDefault::Ignore {
        return Ok(());
    }
    let access = if default == PathDefault::Judge { Access::Write } else { Access::Read };
    for suspect in suspects(input)?.into_iter().filter(|suspect| ground::is_path(ground, *suspect)) {
        let refused = ground::path(ground, suspect.text, access, Objects::Any).err();
        // A route or a command in a sentence is spelled as a path too: only a secret's is refused, any other is asked about.
        verdicts.extend(refused.filter(|refused| suspect.sign != Sign::Within || refused.reason == ReasonCode::Masked));
        let decision = match default {
            PathDefault::Ignore | PathDefault::Judge => continue,
            PathDefault::Ask => Decision::Ask,
            PathDefault::Deny => Decision::Deny,
        };
        let message =
            format!("Nothing is known of this tool, and it is given a path: \"{}\".", ground::shortened(suspect.text));
        let instead = "Use a tool for files or the shell, or ask the user to add a rule for this tool to their policy.";
        verdicts.push(Verdict { decision, ..Verdict::deny(ReasonCode::Tool, None, message, instead) });
    }
    Ok(())
}
