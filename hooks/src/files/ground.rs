//! What paths, patterns and addresses mean on this host: the guard's answers, in the form that a hook needs.

use std::ffi::OsStr;

use lobsterpot_fs_guard::guard::{Guard, LastLink, Objects, Refusal, Request, Spelling, Target};
use lobsterpot_policy::{Access, Network, ReasonCode, Verdict};

use super::address::{self, Address};
use super::claim::Claim;
use super::likeness::{Sign, Suspect};
use super::remote;
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

    /// What the policy says about hosts.
    fn network(&self) -> &Network;
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
        let request = Request { objects, spelling: Spelling::Client, ..Request::new(access) };
        match self.resolve(OsStr::new(spelled), &request) {
            Ok(target) => Ok(presence(&target)),
            // What is to be written and cannot be made is refused, whatever the reason: clients make folders on the way.
            Err(refusal) if refusal.is_missing() && access == Access::Read => Ok(Presence::Nothing),
            Err(Refusal { verdict, .. }) => Err(verdict),
        }
    }

    fn pattern(&self, pattern: &str, base: Option<&str>, objects: Objects) -> Result<(), Verdict> {
        // Searching tools follow no links, and list or read what they find beneath.
        let request =
            Request { spelling: Spelling::Client, last: LastLink::Keep, objects, ..Request::new(Access::Read) };
        match self.pattern(OsStr::new(pattern), base.map(OsStr::new), &request) {
            Err(refusal) if !refusal.is_missing() => Err(refusal.verdict),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn network(&self) -> &Network {
        &self.judge().policy().network
    }
}

/// Whether anything is at a target.
const fn presence(target: &Target) -> Presence {
    if target.file.is_some() { Presence::There } else { Presence::Nothing }
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

/// What a field of a web tool may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// An address, or a path.
    Either,
    /// An address. Where it has no scheme, the client may add one, whatever lies at the path of that name.
    Address,
}

/// Judges a text that is an address or a path to be read. One that could be either is judged as both.
///
/// # Errors
/// Why it may not be used.
pub(super) fn address(ground: &dyn Ground, text: &str, holds: Holds) -> Result<(), Verdict> {
    match address::read(text) {
        Address::Path(spelled) => {
            let presence = ground.path(&spelled, Access::Read, Objects::Content)?;
            let may_be_address = holds == Holds::Address || presence == Presence::Nothing;
            match remote::without_scheme(&spelled).filter(|_| may_be_address) {
                Some(host) if holds == Holds::Address || host.is_plain() => host.judge(ground.network(), text),
                _ => Ok(()),
            }
        }
        Address::Harmless => Ok(()),
        Address::Network(remote) => remote.judge(ground.network(), text),
        Address::Refused(why) => Err(remote::refused(text, why)),
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
        Sign::Slash | Sign::Within => {
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
