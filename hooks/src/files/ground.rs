//! What paths, patterns and addresses mean on this host: the guard's answers, in the form that a hook needs.

use std::ffi::OsStr;
use std::path::Path;

use lobsterpot_fs_guard::guard::{Guard, Objects, Refusal, Request, Spelling, Target};
use lobsterpot_policy::{Access, ReasonCode, Verdict};

use super::address::{self, Address};
use super::claim::Claim;
use super::likeness::{Sign, Suspect};
use super::pattern;
use super::table::Use;

/// Answers questions about this host's files.
pub(super) trait Ground {
    /// Judges a path, spelled as clients do. What does not exist may be asked for.
    ///
    /// # Errors
    /// Why it may not be used.
    fn path(&self, spelled: &str, access: Access, objects: Objects) -> Result<Presence, Verdict>;

    /// Judges what a pattern matches, from the folder `base` or the call's own.
    ///
    /// # Errors
    /// Why it may not be used.
    fn pattern(&self, pattern: &str, base: Option<&str>, objects: Objects) -> Result<(), Verdict>;
}

/// Whether anything is at a path that may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// Something is.
    There,
    /// Nothing is, or it is still to be made.
    Nothing,
}

impl Ground for Guard {
    fn path(&self, spelled: &str, access: Access, objects: Objects) -> Result<Presence, Verdict> {
        let request = Request { objects, tilde: Spelling::Client, ..Request::new(access) };
        match self.resolve(OsStr::new(spelled), &request) {
            Ok(target) if access == Access::Write => named(self, &target, access),
            Ok(target) => Ok(presence(&target)),
            // What is to be written and cannot be made is refused, whatever the reason: clients make folders on the way.
            Err(refusal) if refusal.is_missing() && access == Access::Read => Ok(Presence::Nothing),
            Err(Refusal { verdict, .. }) => Err(verdict),
        }
    }

    fn pattern(&self, pattern: &str, base: Option<&str>, objects: Objects) -> Result<(), Verdict> {
        let Some(start) = pattern::start(pattern) else { return Err(climbing(pattern)) };
        let rooted = start.starts_with(['/', '~', '@']) || start.to_ascii_lowercase().starts_with("file:");
        let folder = match base {
            Some(base) if start.is_empty() => base.to_owned(),
            Some(base) if !rooted => format!("{base}/{start}"),
            None if start.is_empty() => ".".to_owned(),
            Some(_) | None => start.to_owned(),
        };
        let request = Request { objects: Objects::Any, tilde: Spelling::Client, ..Request::new(Access::Read) };
        let target = match self.resolve(OsStr::new(&folder), &request) {
            Ok(target) => target,
            Err(refusal) if refusal.is_missing() => return Ok(()),
            Err(Refusal { verdict, .. }) => return Err(verdict),
        };
        if objects == Objects::Any {
            return Ok(());
        }
        let hidden = self.hidden_below(&target);
        let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let met = hidden.paths.iter().find(|path| path.is_dir() || pattern::may_match(pattern, &name(path)));
        match met {
            Some(path) => Err(searching(&format!("it would read {}, which is hidden", path.display()))),
            None if hidden.is_cut => Err(searching("there is too much to make sure that it reads nothing hidden")),
            None => Ok(()),
        }
    }
}

/// Judges a path that may be written by its name once more. A sandboxed program may make a repository, since what is planted in
/// it is taken away afterwards; a client's own tool has nobody who comes after it.
///
/// # Errors
/// When the name is a protected or hidden one.
fn named(guard: &Guard, target: &Target, access: Access) -> Result<Presence, Verdict> {
    let path = if target.file.is_some() {
        target.path.clone()
    } else {
        target.missing.iter().fold(target.path.clone(), |path, name| path.join(name))
    };
    let verdict = guard.judge().path(&path, access);
    let forbidden = matches!(verdict.reason, ReasonCode::Masked | ReasonCode::Protected);
    if forbidden { Err(verdict) } else { Ok(presence(target)) }
}

/// Whether anything is at a target.
const fn presence(target: &Target) -> Presence {
    if target.file.is_some() { Presence::There } else { Presence::Nothing }
}

/// The verdict on a pattern that could lead anywhere.
fn climbing(pattern: &str) -> Verdict {
    let message = format!("The pattern \"{}\" could lead out of the folder that it starts from.", shortened(pattern));
    Verdict::deny(
        ReasonCode::BadPath,
        None,
        message,
        "Give the folder as the path, and a pattern without `..` and `~`.",
    )
}

/// The verdict on a search that would meet hidden files.
fn searching(why: &str) -> Verdict {
    let message = format!("This search is refused: {why}.");
    let instead =
        "Search a folder or with a pattern that leaves it out, or run grep in the shell, which sees nothing hidden.";
    Verdict::deny(ReasonCode::Masked, None, message, instead)
}

/// Judges one claim.
///
/// # Errors
/// Why the call must not go ahead.
pub(super) fn judge(ground: &dyn Ground, claim: &Claim) -> Result<(), Verdict> {
    let base = claim.base.as_deref();
    match claim.used {
        Use::Read => path(ground, &claim.text, Access::Read, Objects::Content),
        Use::Write | Use::Patch => path(ground, &claim.text, Access::Write, Objects::Content),
        Use::List => path(ground, &claim.text, Access::Read, Objects::Any),
        Use::Search => {
            path(ground, &claim.text, Access::Read, Objects::Content)?;
            ground.pattern("**", Some(&claim.text), Objects::Content)
        }
        Use::Match => ground.pattern(&claim.text, base, Objects::Any),
        Use::ReadMatch | Use::Filter => ground.pattern(&claim.text, base, Objects::Content),
    }
}

/// Judges one path.
///
/// # Errors
/// Why it may not be used.
pub(super) fn path(ground: &dyn Ground, spelled: &str, access: Access, objects: Objects) -> Result<(), Verdict> {
    ground.path(spelled, access, objects).map(|_| ())
}

/// Judges a text that is an address or a path to be read.
///
/// # Errors
/// Why it may not be used.
pub(super) fn address(ground: &dyn Ground, text: &str) -> Result<(), Verdict> {
    match address::read(text) {
        Address::Path(spelled) => path(ground, &spelled, Access::Read, Objects::Content),
        Address::Elsewhere => Ok(()),
        Address::Refused(why) => Err(Verdict::deny(
            ReasonCode::HostNotAllowed,
            None,
            format!("The address \"{}\" is refused: {why}.", shortened(text)),
            "Use an http or https address of another host, or a path in the workspace.",
        )),
    }
}

/// Whether a suspect in an unknown tool's input is to be taken for a path.
pub(super) fn is_path(ground: &dyn Ground, suspect: Suspect<'_>) -> bool {
    let looked = || ground.path(suspect.text, Access::Read, Objects::Any);
    let refused = |looked: &Result<Presence, Verdict>| {
        looked.as_ref().is_err_and(|verdict| verdict.reason != ReasonCode::BadPath)
    };
    match suspect.sign {
        Sign::Name | Sign::Spelling => true,
        Sign::Slash => {
            let looked = looked();
            looked == Ok(Presence::There) || refused(&looked)
        }
        Sign::Word => refused(&looked()),
    }
}

/// The beginning of a text, for messages.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(120).collect::<String>().escape_debug().to_string()
}
