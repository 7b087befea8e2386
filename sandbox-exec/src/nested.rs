//! Called inside a sandbox of ours: a second one cannot be made there, and is not needed.
//!
//! Whether this is inside one is asked of the kernel, not of the environment, which anybody can set: the root is a read-only tmpfs
//! that holds the marker, no new privileges can be had, every capability is gone for good, and a filter is in force. Nobody can
//! make all of that true for a process outside without having confined it as much.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::errno::Errno;
use nix::sys::prctl::get_no_new_privs;
use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use nix::sys::statvfs::{FsFlags, statvfs};

use crate::args::{Invocation, Net, variable};
use crate::error::Error;
use crate::plan::{MARKER, Network};
use crate::step::{Failure, Step};
use crate::sys::process;

/// Whether this process runs in a sandbox of ours.
pub(crate) fn inside_already() -> bool {
    let is_tmpfs = statfs("/").is_ok_and(|status| status.filesystem_type() == TMPFS_MAGIC);
    is_tmpfs
        && statvfs("/").is_ok_and(|status| status.flags().contains(FsFlags::ST_RDONLY))
        && network().is_some()
        && get_no_new_privs().unwrap_or(false)
        && process::is_filtered()
        && caps::read(None, caps::CapSet::Bounding).is_ok_and(|set| set.is_empty())
}

/// The network of the sandbox around, as its marker says.
fn network() -> Option<Network> {
    let marker = std::fs::read(Path::new("/").join(MARKER)).ok()?;
    Some(if marker.starts_with(Network::Isolated.word().as_bytes()) { Network::Isolated } else { Network::Host })
}

/// Becomes the command, here: as confined as this process is.
///
/// # Errors
/// When it cannot be run, or was to be confined more than this sandbox does.
pub(crate) fn run(invocation: &Invocation) -> Result<u8, Error> {
    let stricter = (!invocation.masked.is_empty()).then_some("--mask");
    let stricter = stricter.or_else(|| invocation.timeout.as_ref().map(|_| "--timeout"));
    let stricter = stricter.or_else(|| (!invocation.limits.is_empty()).then_some("--limit"));
    let isolate = invocation.network == Some(Net::None) && network() == Some(Network::Host);
    if let Some(option) = stricter.or_else(|| isolate.then_some("--net none")) {
        return Err(Error::Usage {
            message: format!("{option} cannot be honoured: this is inside a sandbox already"),
            hint: "leave it out, or ask for it where the outer sandbox is started".to_owned(),
        });
    }
    let Some((program, arguments)) = invocation.command.split_first() else {
        return Ok(crate::exit::Exit::Usage as u8);
    };
    let mut command = Command::new(program);
    command.args(arguments).envs(stated(invocation));
    if let Some(folder) = &invocation.chdir {
        command.current_dir(folder);
    }
    let error = command.exec();
    let errno = error.raw_os_error().map_or(Errno::EIO, Errno::from_raw);
    Err(Failure::at(Step::Exec, program, errno).into())
}

/// The variables that the command line sets.
fn stated(invocation: &Invocation) -> impl Iterator<Item = (OsString, OsString)> {
    invocation.environment.iter().filter_map(|argument| {
        let (name, value) = variable(argument);
        Some((name.to_owned(), value?.to_owned()))
    })
}
