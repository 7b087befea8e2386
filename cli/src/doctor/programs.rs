//! The programs: all there, safe from others, and of one version.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use lobsterpot_hooks::install::changeable;

use super::check::{Check, ask};
use crate::home;

/// Programs that say their version.
const VERSIONED: [&str; 4] = ["sandbox-exec", "lobsterpot-egress", "fs-guard", "lobsterpot-vault"];
/// Hooks, which answer calls and nothing else.
const HOOKS: [&str; 2] = ["sandbox-exec-hook", "fs-guard-hook"];
/// Any permission to run.
const RUNNABLE: u32 = 0o111;

/// Looks at the programs in a folder.
pub(super) fn checks(folder: &Path) -> Vec<Check> {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
    let mut checks = vec![held(&folder)];
    checks.extend(VERSIONED.into_iter().map(|name| program(&folder, name, true)));
    checks.extend(HOOKS.into_iter().map(|name| program(&folder, name, false)));
    checks
}

/// Whether nobody else can put other programs into the folder.
fn held(folder: &Path) -> Check {
    let name = "programs";
    let weak = folder.ancestors().find_map(|folder| Some((folder, fault(folder)?)));
    match weak {
        None => Check::ok(name, format!("they lie in {}, which nobody else can change", folder.display())),
        Some((weak, why)) => Check::fail(name, format!("\"{}\" on the way to them: {why}", weak.display()))
            .hint("install them where only root, or only you, can write: sudo install -m 755 … /usr/local/bin/"),
    }
}

/// One program.
fn program(folder: &Path, name: &str, versioned: bool) -> Check {
    let path = folder.join(name);
    let label = format!("program.{name}");
    let install = format!("install {name} of version {} into {}", env!("CARGO_PKG_VERSION"), folder.display());
    match path.metadata() {
        Err(error) => return Check::fail(label, format!("\"{}\": {error}", path.display())).hint(install),
        Ok(facts) if !facts.is_file() || facts.mode() & RUNNABLE == 0 => {
            return Check::fail(label, "it is no program that may be run").hint(install);
        }
        Ok(_) => {}
    }
    if let Some(why) = fault(&path) {
        return Check::fail(label, why).hint(format!("sudo chown root: '{0}' && sudo chmod 755 '{0}'", path.display()));
    }
    if !versioned {
        return Check::ok(label, "it is there");
    }
    match ask(&path, &["--version"]) {
        Ok(said) if said.split_whitespace().last() == Some(env!("CARGO_PKG_VERSION")) => {
            Check::ok(label, format!("version {}", env!("CARGO_PKG_VERSION")))
        }
        Ok(said) => {
            let said: String = said.trim().chars().take(80).collect();
            Check::fail(label, format!("it is \"{said}\", and this is {}", env!("CARGO_PKG_VERSION"))).hint(install)
        }
        Err(why) => Check::fail(label, why).hint(install),
    }
}

/// Why somebody else could change what lies at `path`, as far as that can be seen: what cannot be looked at is not said to be safe.
fn fault(path: &Path) -> Option<String> {
    match path.metadata() {
        Ok(facts) => changeable(&facts, home::user()),
        Err(error) => Some(format!("it cannot be looked at: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::check::State;

    #[test]
    fn a_folder_that_cannot_be_looked_at_is_not_said_to_be_safe() {
        let nowhere = held(Path::new("/nowhere/bin"));
        assert_eq!(nowhere.state, State::Fail);
        assert!(nowhere.line().contains("cannot be looked at"), "{}", nowhere.line());
        assert_eq!(held(Path::new("/")).state, State::Ok);
    }
}
