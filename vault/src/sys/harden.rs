//! What the process does about itself before anything else.

use std::sync::OnceLock;

use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};

use super::locking::{self, Locking};

/// What protects this process's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Protection {
    /// Other processes of the same user can neither attach to this one nor open its files in `/proc`, and it leaves no core
    /// (`PR_SET_DUMPABLE` is 0).
    pub is_closed: bool,
    /// Its limit on core files is 0, should that be set back.
    pub has_no_core: bool,
    /// Whether its memory stays out of swap.
    pub locking: Locking,
}

/// The soft limits that were there at the start: on cores, and on locked memory.
static LIMITS: OnceLock<[(Resource, rlim_t); 2]> = OnceLock::new();

/// Closes the process to others of the same user, bounds its core, and locks its pages. To be called before anything else, even
/// before arguments are looked at: what comes later may hold secrets, and a message on the way may be a panic.
///
/// Nothing here can fail the program: [`protection`] says what was reached. Only soft limits are changed, so that
/// a child can have back what there was (prctl(2), getrlimit(2), mlockall(2)).
pub fn harden() {
    super::panic::install();
    let _ = prctl::set_dumpable(false);
    let limits = [Resource::RLIMIT_CORE, Resource::RLIMIT_MEMLOCK].map(|resource| (resource, soft(resource)));
    let _ = LIMITS.set(limits);
    set_soft(Resource::RLIMIT_CORE, 0);
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_MEMLOCK) {
        set_soft(Resource::RLIMIT_MEMLOCK, hard);
    }
    locking::lock();
}

/// What protects this process now.
#[must_use]
pub fn protection() -> Protection {
    Protection {
        is_closed: prctl::get_dumpable() == Ok(false),
        has_no_core: soft(Resource::RLIMIT_CORE) == 0,
        locking: locking::state(),
    }
}

/// Sets the soft limits back to what they were at the start, for a program that takes this one's place.
pub(super) fn restore_limits() {
    for &(resource, value) in LIMITS.get().into_iter().flatten() {
        set_soft(resource, value);
    }
}

/// The soft limit of a resource; endless when the kernel does not say.
fn soft(resource: Resource) -> rlim_t {
    getrlimit(resource).map_or(rlim_t::MAX, |(soft, _)| soft)
}

/// Sets a soft limit, as far as the hard one allows.
fn set_soft(resource: Resource, value: rlim_t) {
    if let Ok((_, hard)) = getrlimit(resource) {
        let _ = setrlimit(resource, value.min(hard), hard);
    }
}
