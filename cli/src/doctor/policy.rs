//! The policy files: believed, understood, and not too wide.

use std::path::{Path, PathBuf};

use lobsterpot_policy::{
    LoadRequest, NetworkMode, Places, Policy, Requirement, SYSTEM_POLICY, SystemReader, USER_POLICY, load,
};

use super::check::Check;
use crate::home;

/// Looks at both files, each by itself and then together.
pub(super) fn checks(home: &Path, root: Option<&Path>) -> Vec<Check> {
    let system = root.unwrap_or(Path::new("/")).join(SYSTEM_POLICY.trim_start_matches('/'));
    let user = home.join(USER_POLICY);
    let mut checks = vec![
        file("policy.system", &system, home, |request, path| request.system = Some(path)),
        file("policy.user", &user, home, |request, path| request.user = Some(path)),
    ];
    let request = LoadRequest { system: Some(system), user: Some(user), ..request(home) };
    checks.push(match load(&request, &SystemReader) {
        Ok(policy) => whole(&policy),
        Err(error) => Check::fail("policy", error.to_string()).hint(error.hint()),
    });
    checks
}

/// One file.
fn file(name: &str, path: &Path, home: &Path, put: impl FnOnce(&mut LoadRequest, PathBuf)) -> Check {
    match path.symlink_metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Check::ok(name, format!("there is no {}: the built-in policy holds", path.display()));
        }
        Ok(_) | Err(_) => {}
    }
    let mut request = request(home);
    put(&mut request, path.to_path_buf());
    match load(&request, &SystemReader) {
        Ok(_) => Check::ok(name, format!("{} is understood, and only its owner can change it", path.display())),
        Err(error) => Check::fail(name, error.to_string()).hint(error.hint()),
    }
}

/// The policy as a whole.
fn whole(policy: &Policy) -> Check {
    let optional: Vec<&str> = policy
        .requirements
        .stated
        .iter()
        .filter(|(layer, requirement)| **requirement == Requirement::BestEffort && !is_usual(layer.name()))
        .map(|(layer, _)| layer.name())
        .collect();
    if policy.network.mode == NetworkMode::Host {
        return Check::warn("policy", "commands have the host's whole network")
            .hint("name the hosts that are needed: [network] mode = \"allowlist\"");
    }
    if !optional.is_empty() {
        return Check::warn("policy", format!("it goes on without: {}", optional.join(", ")))
            .hint("require them where the host has them: [require]");
    }
    Check::ok("policy", format!("profile {}", policy.profile))
}

/// Whether the built-in policy itself goes on without a layer.
fn is_usual(layer: &str) -> bool {
    matches!(layer, "landlock_scope" | "landlock_network" | "cgroup")
}

/// A request for this caller.
fn request(home: &Path) -> LoadRequest {
    let places =
        Places { home: home.to_path_buf(), homes: vec![home.to_path_buf()], uid: home::user(), ..Places::default() };
    LoadRequest { places, ..LoadRequest::default() }
}
