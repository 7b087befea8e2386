//! Making the sandbox and looking after it: what happens outside.

use std::os::fd::{AsFd, RawFd};

use nix::fcntl::{OFlag, open};
use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, fchmod};
use nix::sys::statfs::{FsType, fstatfs};
use nix::sys::wait::waitpid;

use crate::args::Leftovers;
use crate::channel::{self, Channel};
use crate::confine::{self, Inherited, Namespaced};
use crate::error::Error;
use crate::init;
use crate::plan::{Owners, Plan, Tier};
use crate::step::{Failure, Step, Stepped};
use crate::supervise::{Ending, Sandbox, Signals, Told, supervise};
use crate::sys::clone::{Namespaces, Side, fork_into};
use crate::sys::{process, socket};
use crate::way_out::WayOut;

/// The kernel's own file system of pipes: `PIPEFS_MAGIC`, `statfs(2)`.
const PIPEFS_MAGIC: FsType = FsType(0x5049_5045);

/// Closes every descriptor but 0, 1, 2 and `kept`, and fills the gaps among the first three so that nothing else lands there.
///
/// # Errors
/// A descriptor to keep that is not open.
pub(crate) fn take_over(kept: &[RawFd]) -> Result<[bool; 3], Error> {
    let mut kept: Vec<u32> = kept.iter().filter_map(|descriptor| u32::try_from(*descriptor).ok()).collect();
    kept.sort_unstable();
    kept.dedup();
    let mut first = 3;
    for descriptor in kept {
        let raw = RawFd::try_from(descriptor).unwrap_or(RawFd::MAX);
        if !process::is_open(raw) {
            return Err(Error::Usage {
                message: format!("--fd {descriptor}: that descriptor is not open"),
                hint: format!("open it in the caller, as in: sandbox-exec --fd {descriptor} … {descriptor}<file"),
            });
        }
        if process::is_folder(raw) {
            return Err(Error::Usage {
                message: format!("--fd {descriptor}: that descriptor is a folder"),
                hint: "a folder that is open leads past what is hidden: name it with --ro or --rw".to_owned(),
            });
        }
        if first < descriptor {
            process::close_descriptors(first, descriptor - 1).step(Step::Descriptors)?;
        }
        first = descriptor + 1;
    }
    process::close_descriptors(first, u32::MAX).step(Step::Descriptors)?;
    let mut closed = [false; 3];
    for (descriptor, closed) in (0..).zip(&mut closed) {
        *closed = !process::is_open(descriptor);
        if process::is_folder(descriptor) {
            return Err(Error::Usage {
                message: format!("descriptor {descriptor} is a folder"),
                hint: "a folder that is open leads past what is hidden: redirect from a file or /dev/null".to_owned(),
            });
        }
    }
    for _ in closed.iter().filter(|closed| **closed) {
        // The lowest free number is used, which is the gap; it stays open until the command starts.
        let placeholder = open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty()).step(Step::Descriptors)?;
        std::mem::forget(placeholder);
    }
    Ok(closed)
}

/// Makes sure that no descriptor of the command's is a socket of the host's network that sends anywhere, as one of UDP does.
///
/// # Errors
/// With the descriptor's number.
pub(crate) fn refuse_handed_in(kept: &[RawFd]) -> Result<(), Error> {
    match [0, 1, 2].iter().chain(kept).find(|descriptor| socket::sends_anywhere(**descriptor)) {
        None => Ok(()),
        Some(descriptor) => Err(Error::Usage {
            message: format!("descriptor {descriptor} is a socket of this host's network that can send anywhere"),
            hint: "hand in a connection (TCP, a unix socket, a pipe), or share the host's network: --net host"
                .to_owned(),
        }),
    }
}

/// Runs the planned command and waits for it; calls `started` once the command runs, confined.
///
/// # Errors
/// What the kernel refused to the outside. What failed inside is an [`Ending::Failed`].
pub(crate) fn launch(
    plan: &Plan,
    closed: [bool; 3],
    way_out: Option<WayOut>,
    started: &dyn Fn(),
) -> Result<Ending, Failure> {
    let (signals, mask) = Signals::hold().step(Step::Signals)?;
    let inherited = Inherited { mask, closed };
    if plan.owners != Owners::Same {
        share_pipes();
    }
    let ending = match plan.supervision.leftovers {
        Leftovers::End => in_sandbox(plan, inherited, &signals, way_out, Told { started, line: None }),
        Leftovers::Keep => crate::keep::run(&signals, |line| {
            in_sandbox(plan, inherited, &signals, way_out, Told { started, line: Some(line) })
        }),
    };
    // A second attempt, without namespaces, must find the caller's state as it was.
    signals.release(&mask);
    ending
}

/// Lets a remapped root open its own pipes again: scripts write to `/dev/stderr`, which takes the right to open the pipe behind it,
/// and that belongs to root. Only who holds a pipe, or may trace who does, can name it, so this opens it to nobody else.
fn share_pipes() {
    let (input, output, error) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
    for stream in [input.as_fd(), output.as_fd(), error.as_fd()] {
        if fstatfs(stream).is_ok_and(|status| status.filesystem_type() == PIPEFS_MAGIC) {
            let _ = fchmod(stream, Mode::from_bits_truncate(0o666));
        }
    }
}

/// Makes the sandbox and supervises it; tells `told` what happens to it.
///
/// # Errors
/// The step that failed.
fn in_sandbox(
    plan: &Plan,
    inherited: Inherited,
    signals: &Signals,
    way_out: Option<WayOut>,
    told: Told<'_>,
) -> Result<Ending, Failure> {
    let (outside, inside) = channel::pair().step(Step::Supervisor)?;
    match fork_into(namespaces(plan)).step(Step::Namespaces)? {
        Side::Child => {
            drop(outside);
            process::exit_now(i32::from(be_init(plan, inherited, inside)))
        }
        Side::Parent(init, pidfd) => {
            drop(inside);
            let sandbox = Sandbox { init, pidfd, channel: outside, way_out };
            if let Owners::Remapped(id) = plan.owners {
                prepare(plan, &sandbox, id)?;
            }
            supervise(sandbox, &plan.supervision, signals, told)
        }
    }
}

/// The namespaces of `plan`.
fn namespaces(plan: &Plan) -> Namespaces {
    if plan.tier == Tier::Landlock {
        return 0;
    }
    let always = libc::CLONE_NEWUSER
        | libc::CLONE_NEWNS
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWCGROUP;
    let network = if plan.network.is_own() { libc::CLONE_NEWNET } else { 0 };
    Namespaces::from((always | network).cast_unsigned())
}

/// Maps a remapped caller's ids and hands in the mounts that only the outside can prepare.
///
/// # Errors
/// The step that failed.
fn prepare(plan: &Plan, sandbox: &Sandbox, id: u32) -> Result<(), Failure> {
    let prepared = confine::map_from_outside(sandbox.init, plan.user, id)
        .and_then(|()| confine::prepare_mounts(plan, sandbox.init))
        .and_then(|mounts| sandbox.channel.hand_in(&mounts).step(Step::OwnerRemap));
    if prepared.is_err() {
        let _ = process::send_signal(&sandbox.pidfd, Signal::SIGKILL);
        let _ = waitpid(sandbox.init, None);
    }
    prepared
}

/// The whole life of the first process inside. Returns its exit status.
fn be_init(plan: &Plan, inherited: Inherited, channel: Channel) -> u8 {
    let started = confine::go_first().and_then(|()| match plan.tier {
        Tier::Namespaces => Namespaced::settle(plan, &channel)
            .and_then(|namespaced| namespaced.mount(&channel))
            .and_then(|mounted| mounted.start(inherited, &channel)),
        Tier::Landlock => confine::start_without_namespaces(plan, inherited, &channel),
    });
    match started {
        Ok(command) => {
            let supervision = &plan.supervision;
            let kept = (supervision.leftovers == Leftovers::Keep).then_some(channel);
            confine::shed(kept.as_ref());
            init::look_after(command, plan.tier, supervision, kept)
        }
        Err(failure) => {
            channel.fail(&failure);
            failure.exit() as u8
        }
    }
}
