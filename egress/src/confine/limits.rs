//! Limits of this process: no files, no processes, and memory and descriptors only for what it serves.

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::filter::Job;
use super::{ConfineError, step};

/// Connections that are served at once, when the limit of open files allows it.
const CONNECTIONS: u64 = 1100;
/// Listening sockets that are made on demand, at most.
const LISTENERS: u64 = 512;
/// Descriptors that one connection may take: two sockets, and a second attempt to connect.
const PER_CONNECTION: u64 = 3;
/// Descriptors for everything else: what is inherited, questions to resolvers, pipes.
const BASE: u64 = 1280;
/// Bytes of data that this process may have, at most.
const DATA: u64 = 256 << 20;
/// Bytes of address space that this process may have, at most.
const SPACE: u64 = 1 << 30;

/// How much can be served at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    /// Connections.
    pub(crate) connections: usize,
    /// Listening sockets that are made on demand.
    pub(crate) listeners: usize,
}

/// Raises the limit of open files as far as is useful and possible, and says how much can be served with it.
///
/// # Errors
/// The kernel's.
pub(crate) fn files() -> Result<Room, ConfineError> {
    let wanted = BASE + LISTENERS + CONNECTIONS * PER_CONNECTION;
    let (_, hard) = step("read the limit of open files", getrlimit(Resource::RLIMIT_NOFILE))?;
    let limit = match setrlimit(Resource::RLIMIT_NOFILE, wanted, wanted) {
        Ok(()) => wanted,
        Err(_) => {
            let limit = hard.min(wanted);
            step("set the limit of open files", setrlimit(Resource::RLIMIT_NOFILE, limit, limit))?;
            limit
        }
    };
    Ok(room(limit))
}

/// How much can be served with so many descriptors.
fn room(limit: u64) -> Room {
    // With few descriptors a third is for everything else, a sixth of the rest for listeners.
    let rest = limit - BASE.min(limit / 3);
    let listeners = LISTENERS.min(rest / 6);
    let connections = CONNECTIONS.min((rest - listeners) / PER_CONNECTION);
    let count = |number| usize::try_from(number).unwrap_or(usize::MAX);
    Room { connections: count(connections), listeners: count(listeners) }
}

/// Applies all other limits.
///
/// # Errors
/// The kernel's.
pub(super) fn apply(job: Job) -> Result<(), ConfineError> {
    let limits = [
        (Resource::RLIMIT_CORE, 0),
        (Resource::RLIMIT_FSIZE, 0),
        (Resource::RLIMIT_NPROC, 0),
        (Resource::RLIMIT_MEMLOCK, 0),
        (Resource::RLIMIT_DATA, DATA),
        (Resource::RLIMIT_AS, SPACE),
    ];
    for (resource, value) in limits {
        lower(resource, value)?;
    }
    // It holds its line, and for a moment what it hands over.
    if job == Job::Make { lower(Resource::RLIMIT_NOFILE, 64) } else { Ok(()) }
}

/// Lowers a limit, soft and hard. One that is lower already stays.
///
/// # Errors
/// The kernel's.
fn lower(resource: Resource, value: u64) -> Result<(), ConfineError> {
    match setrlimit(resource, value, value) {
        Err(Errno::EPERM) => {
            let (_, hard) = step("read a limit", getrlimit(resource))?;
            let value = value.min(hard);
            step("set a limit", setrlimit(resource, value, value))
        }
        other => step("set a limit", other),
    }
}

#[cfg(test)]
mod tests {
    use super::{BASE, CONNECTIONS, LISTENERS, PER_CONNECTION, room};

    #[test]
    fn a_low_limit_of_open_files_serves_fewer_and_never_runs_out() {
        for limit in [0, 3, 64, 256, 1024, 4096, 8192, 1 << 20] {
            let room = room(limit);
            let used = room.connections as u64 * PER_CONNECTION + room.listeners as u64;
            assert!(used + BASE.min(limit / 3) <= limit, "{limit}: {room:?}");
        }
        let all = room(BASE + LISTENERS + CONNECTIONS * PER_CONNECTION);
        assert_eq!((all.connections, all.listeners), (1100, 512));
        assert!(room(1024).connections >= 90, "{:?}", room(1024));
    }
}
