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
use crate::plan::MARKER;
use crate::step::{Failure, Step};
use crate::sys::process;

/// Whether this process runs in a sandbox of ours.
pub(crate) fn inside_already() -> bool {
    let is_tmpfs = statfs("/").is_ok_and(|status| status.filesystem_type() == TMPFS_MAGIC);
    is_tmpfs
        && statvfs("/").is_ok_and(|status| status.flags().contains(FsFlags::ST_RDONLY))
        && Around::read().is_some()
        && get_no_new_privs().unwrap_or(false)
        && process::is_filtered()
        && caps::read(None, caps::CapSet::Bounding).is_ok_and(|set| set.is_empty())
}

/// The network of the sandbox around, the strictest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Around {
    /// None.
    Isolated,
    /// What a policy allows.
    Allowlist,
    /// Every public host.
    Learn,
    /// The host's.
    Host,
}

impl Around {
    /// What the marker of the sandbox around says; an unknown word is taken for the host's network.
    fn read() -> Option<Self> {
        let marker = std::fs::read(Path::new("/").join(MARKER)).ok()?;
        Some(match marker.trim_ascii_end() {
            b"none" => Self::Isolated,
            b"allowlist" => Self::Allowlist,
            b"learn" => Self::Learn,
            _ => Self::Host,
        })
    }

    /// The option of `invocation` that asks for less than this network, when one does.
    fn exceeds(self, invocation: &Invocation) -> Option<&'static str> {
        let (most, option) = match invocation.network? {
            Net::None => (Self::Isolated, "--net none"),
            Net::Allowlist => (Self::Allowlist, "--net allowlist"),
            Net::Learn => (Self::Learn, "--net learn"),
            Net::Host => (Self::Host, "--net host"),
        };
        (self > most).then_some(option)
    }
}

/// Becomes the command, here: as confined as this process is.
///
/// # Errors
/// When it cannot be run, or was to be confined more than this sandbox does.
pub(crate) fn run(invocation: &Invocation) -> Result<u8, Error> {
    let stricter = (!invocation.masked.is_empty()).then_some("--mask");
    let stricter = stricter.or_else(|| invocation.timeout.as_ref().map(|_| "--timeout"));
    let stricter = stricter.or_else(|| (!invocation.limits.is_empty()).then_some("--limit"));
    let around = Around::read().unwrap_or(Around::Host);
    let denies = !invocation.denied_hosts.is_empty() && around != Around::Isolated;
    let stricter = stricter.or_else(|| denies.then_some("--deny-host"));
    if let Some(option) = stricter.or_else(|| around.exceeds(invocation)) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_that_is_stricter_than_the_one_around_cannot_be_had() {
        let asked = |network| Invocation { network: Some(network), ..Invocation::default() };
        assert_eq!(Around::Host.exceeds(&asked(Net::None)), Some("--net none"));
        assert_eq!(Around::Allowlist.exceeds(&asked(Net::None)), Some("--net none"));
        assert_eq!(Around::Learn.exceeds(&asked(Net::Allowlist)), Some("--net allowlist"));
        assert_eq!(Around::Host.exceeds(&asked(Net::Learn)), Some("--net learn"));
    }

    #[test]
    fn what_the_sandbox_around_keeps_to_anyway_is_no_reason_to_stop() {
        let asked = |network| Invocation { network: Some(network), ..Invocation::default() };
        for network in [Net::None, Net::Allowlist, Net::Learn, Net::Host] {
            assert_eq!(Around::Isolated.exceeds(&asked(network)), None, "{network:?}");
        }
        assert_eq!(Around::Allowlist.exceeds(&asked(Net::Allowlist)), None);
        assert_eq!(Around::Host.exceeds(&Invocation::default()), None);
    }
}
