//! The command's environment: built from an allowlist, never filtered from what the caller has.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use super::Inputs;
use super::name_service::proxy_variables;
use super::network::Network;
use super::scratch;
use super::views::Layout;
use crate::args::variable;

/// The search path when nothing of the caller's is left.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Builds the environment: what the policy passes, then what it sets, then what the sandbox itself says.
pub(crate) fn build(
    inputs: Inputs<'_>,
    network: &Network,
    layout: &Layout<'_>,
    cwd: &Path,
) -> Vec<(OsString, OsString)> {
    let Inputs { policy, places, host, invocation, environment: given } = inputs;
    let mut environment = BTreeMap::new();
    let (wanted, stated): (Vec<_>, Vec<_>) =
        invocation.environment.iter().map(|argument| variable(argument)).partition(|(_, value)| value.is_none());
    for (name, value) in given {
        let by_policy = policy.environment.pass.iter().any(|pattern| pattern.matches(name));
        if by_policy || wanted.iter().any(|(wanted, _)| wanted == name) {
            environment.insert(name.clone(), value.clone());
        }
    }
    let home = &host.caller.home;
    let set: Vec<(&str, OsString)> =
        policy.environment.set.iter().map(|(name, value)| (name.as_str(), places.expand(value))).collect();
    let redirected = scratch::redirected(inputs, layout, &set);
    environment.extend(set.into_iter().map(|(name, value)| (OsString::from(name), value)));
    environment.extend(redirected);
    environment.insert("HOME".into(), home.clone().into());
    if let Some(name) = &host.caller.name {
        environment.insert("USER".into(), name.into());
        environment.insert("LOGNAME".into(), name.into());
    }
    let path = environment.get(OsStr::new("PATH")).map(|path| visible_path(path, layout));
    environment.insert("PATH".into(), path.filter(|path| !path.is_empty()).unwrap_or_else(|| PATH.into()));
    environment.insert("PWD".into(), cwd.into());
    environment.insert("SANDBOX".into(), "lobsterpot".into());
    if network.has_proxy() {
        environment.extend(proxy_variables().map(|(name, value)| (name.into(), value.into())));
    }
    for (name, value) in stated {
        environment.insert(name.to_owned(), value.unwrap_or_default().to_owned());
    }
    environment.into_iter().collect()
}

/// The entries of `path` that are absolute and can be seen inside.
fn visible_path(path: &OsStr, layout: &Layout<'_>) -> OsString {
    let entries = path.as_bytes().split(|&byte| byte == b':').map(|entry| Path::new(OsStr::from_bytes(entry)));
    let kept: Vec<&[u8]> = entries
        .filter(|entry| entry.is_absolute() && layout.is_visible(entry))
        .map(|entry| entry.as_os_str().as_bytes())
        .collect();
    OsString::from_vec(kept.join(&b':'))
}
