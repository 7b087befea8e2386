//! Sockets that the policy names, and what keeps a granted path hidden.

use std::ffi::OsString;
use std::path::Path;

use rustc_hash::FxHashSet;

use super::{Access, Layout};
use crate::bytes;
use crate::host::{Fact, Kind};

impl Layout<'_> {
    /// Shows a socket that the policy names, where it is not seen anyway, unless a mask covers it.
    pub(super) fn show_socket(&mut self, path: &Path, masks: &FxHashSet<OsString>) {
        let Some(fact) = self.inputs.host.fact(path).filter(|fact| fact.kind == Kind::Socket) else { return };
        if !self.stays_hidden(path, fact, masks) && !self.shows_host(path) {
            self.bind(path, path, Access::Read);
        }
    }

    /// Whether a mask covers `path`, or where it really lies, or a command could have made it lead there; notes it.
    pub(super) fn stays_hidden(&mut self, path: &Path, fact: &Fact, masks: &FxHashSet<OsString>) -> bool {
        let covered = |path: &Path| {
            bytes::ancestors(path).find(|ancestor| masks.contains(ancestor.as_os_str())).map(Path::to_owned)
        };
        let mask = covered(path).or_else(|| covered(&fact.real));
        if let Some(mask) = &mask {
            self.notes.push(format!("{} stays hidden: {} is masked", path.display(), mask.display()));
        }
        let astray = self.is_led_astray(path, fact);
        if astray && mask.is_none() {
            let real = fact.real.display();
            self.notes
                .push(format!("{real} stays hidden: {} leads there from where commands can write", path.display()));
        }
        mask.is_some() || astray
    }

    /// Whether `path` lies in a writable root and leads elsewhere by a symlink. A command can have made that, so nobody has granted what
    /// it leads to; what it leads to in the root itself is shown anyway.
    fn is_led_astray(&self, path: &Path, fact: &Fact) -> bool {
        let roots = &self.inputs.host.rules.roots;
        fact.real != path && roots.iter().any(|root| root != path && bytes::lies_in(path, root))
    }
}
