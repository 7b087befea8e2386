//! Private, writable folders: which there are, and where programs are sent whose own cannot be made.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::Inputs;
use super::views::Layout;
use crate::host::Host;

/// The private folder that takes the place of one that cannot be made.
const SHARED: &str = "/tmp";
/// The variable that names the cache, by the XDG base directory specification.
const CACHE: &str = "XDG_CACHE_HOME";

/// The private writable folders of the policy that are named in full.
pub(super) fn folders(host: &Host) -> BTreeSet<PathBuf> {
    host.rules.scratch.iter().filter_map(|rule| rule.pattern.literal().map(Path::to_owned)).collect()
}

/// Where the private folder `number` is in the private tmpfs.
pub(super) fn place(number: usize) -> PathBuf {
    PathBuf::from(format!("scratch/{number}"))
}

/// The variables that have to be set because a private folder is not there, given those that the policy sets.
pub(super) fn redirected(
    inputs: Inputs<'_>,
    layout: &Layout<'_>,
    set: &[(&str, OsString)],
) -> Vec<(OsString, OsString)> {
    let mut redirected = Vec::new();
    if !layout.is_writable(Path::new(SHARED)) {
        return redirected;
    }
    let cache = inputs.places.expand(&format!("${CACHE}"));
    for lost in folders(inputs.host).into_iter().filter(|path| !layout.is_writable(path)) {
        let instead = Path::new(SHARED).join(lost.file_name().unwrap_or(OsStr::new("scratch")));
        for (name, value) in set {
            if let Ok(rest) = Path::new(value).strip_prefix(&lost) {
                redirected.push((OsString::from(name), instead.join(rest).into()));
            }
        }
        if lost.as_os_str() == cache {
            redirected.push((CACHE.into(), instead.into()));
        }
    }
    redirected
}
