//! The launcher: `parse → load policy → probe → plan → confine → exec`, each stage a module that consumes the one before.
//!
//! Planning is pure; confining is a series of system calls in a fixed order; what runs afterwards outside only waits, forwards and
//! answers. The library exists for the binary `sandbox-exec` and its tests.

mod args;
mod bytes;
mod caller;
mod carve;
mod channel;
mod check;
mod confine;
mod deep;
mod doors;
mod error;
mod exit;
mod fallback;
mod host;
mod init;
mod keep;
mod launch;
mod links;
mod nested;
mod obstacle;
mod plan;
mod probe;
mod report;
mod rules;
mod seccomp;
mod step;
mod supervise;
mod survey;
mod sys;
mod way_out;

use std::ffi::OsString;
use std::mem::ManuallyDrop;

use args::{Invocation, Mode, Request};
use error::Error;
use exit::Exit;
use lobsterpot_memory::Memory;
use step::{Step, Stepped};
use supervise::Ending;
use way_out::{Settings, WayOut};

/// Running out of memory ends with a status of the table, too: before the command has started nothing has run, and afterwards the kernel
/// ends the sandbox with the launcher.
#[global_allocator]
static MEMORY: Memory = Memory {
    text: "sandbox-exec: out of memory\nhint: the host is out of memory, or a limit on it is too low (ulimit -v, ulimit -d): raise it and try again\n",
    status: Exit::Resources as u8,
};

/// Bytes of memory that a launch under the default policy takes; what one takes more is provided as it is touched.
const USUAL_MEMORY: usize = 208 * 1024;

/// Runs the launcher with the command line `arguments`; returns the exit status.
pub fn run(arguments: Vec<OsString>) -> u8 {
    lobsterpot_memory::prepare(USUAL_MEMORY);
    report::on_mistake();
    match carry_out(arguments) {
        Ok(status) => status,
        Err(error) => {
            report::error(&error);
            error.exit() as u8
        }
    }
}

/// Understands the command line and does what it says.
///
/// # Errors
/// What stops the run, with a hint.
fn carry_out(arguments: Vec<OsString>) -> Result<u8, Error> {
    match args::parse(arguments)? {
        Request::Print(text) => {
            report::print(&text);
            Ok(Exit::Success as u8)
        }
        Request::Check(format) => Ok(check::run(format) as u8),
        Request::Run(invocation) => run_command(&invocation),
    }
}

/// One run, from the invocation to the end of the command.
///
/// # Errors
/// What stops the run, with a hint.
fn run_command(invocation: &Invocation) -> Result<u8, Error> {
    // First of all: nothing that the caller left open may be there later, in this process or in any of the sandbox's.
    let inherited = launch::take_over(&invocation.descriptors)?;
    if nested::inside_already() {
        return nested::run(invocation);
    }
    let environment: Vec<_> = std::env::vars_os().collect();
    let mut attempts = ATTEMPTS;
    loop {
        // Never dropped: this process ends with the run, and taking hundreds of small allocations apart would delay its end.
        let survey = ManuallyDrop::new(survey::look(invocation)?);
        let mut plan = ManuallyDrop::new(plan::plan(survey.inputs(invocation, &environment))?);
        carve::leave_out_absent(&mut plan, &survey);
        if invocation.mode == Mode::DryRun {
            report::plan(&plan, invocation.format);
            return Ok(Exit::Success as u8);
        }
        if plan.network.is_own() {
            launch::refuse_handed_in(&plan.descriptors)?;
        }
        let way_out = way_out(&plan, &survey)?;
        let failure = match launch::launch(&plan, inherited, way_out, &|| explain(&plan, invocation)) {
            Ok(Ending::Failed(failure)) | Err(failure) => failure,
            Ok(ending) => return status(&plan, ending),
        };
        attempts -= 1;
        if attempts > 0 && failure.is_outdated() {
            continue;
        }
        if fallback::is_accepted(&failure, &survey) {
            return run_without_namespaces(&plan, &survey, inherited, invocation);
        }
        return Err(Error::from_launch(failure));
    }
}

/// The way out of the planned network, when it has one; checked before anything is started.
///
/// # Errors
/// What stops the run, with a hint.
fn way_out(plan: &plan::Plan, survey: &survey::Survey) -> Result<Option<WayOut>, Error> {
    let network = match &plan.network {
        plan::Network::Allowlist(allowlist) => allowlist.policy.clone(),
        plan::Network::Isolated | plan::Network::Host => return Ok(None),
    };
    let settings = Settings {
        network,
        become_id: survey.host.caller.uid.is_root().then_some(plan::REMAPPED),
        writable: plan.writable_origins(),
        account: plan.supervision.account.clone(),
    };
    WayOut::prepare(settings).map(Some)
}

/// How often a run is planned anew when something that was planned for has vanished or changed before it could be mounted.
const ATTEMPTS: u32 = 3;

/// Runs the command in the tier without namespaces, with a temporary folder of its own.
///
/// # Errors
/// What stops the run, with a hint.
fn run_without_namespaces(
    plan: &plan::Plan,
    survey: &survey::Survey,
    inherited: [bool; 3],
    invocation: &Invocation,
) -> Result<u8, Error> {
    fallback::check(survey)?;
    let temporary = nix::unistd::mkdtemp(&std::env::temp_dir().join("lobsterpot-XXXXXX")).step(Step::PrivateTree)?;
    let ended = match fallback::plan(plan, survey, &temporary) {
        Some(plan) => {
            report::lost();
            explain(&plan, invocation);
            launch::launch(&plan, inherited, None, &|| explain(&plan, invocation))
                .map_err(Error::from)
                .and_then(|ending| status(&plan, ending))
        }
        None => Err(Error::Unsupported {
            layer: "landlock",
            why: "the kernel refuses user namespaces and has no Landlock: nothing would hold the files".to_owned(),
            hint: "allow user namespaces: `sandbox-exec check` shows how".to_owned(),
        }),
    };
    let _ = std::fs::remove_dir_all(&temporary);
    ended
}

/// With `--explain`, reports what each layer enforces. Every step is carried out or stops the run, so the plan is what is enforced.
fn explain(plan: &plan::Plan, invocation: &Invocation) {
    if invocation.mode == Mode::Explain {
        report::explain(plan, &report::Enforced::of(plan), invocation.format);
    }
}

/// The exit status for `ending`, with a word on standard error when it was not the command's own.
///
/// # Errors
/// What stops the run, with a hint.
fn status(plan: &plan::Plan, ending: Ending) -> Result<u8, Error> {
    match ending {
        Ending::Status(status) => Ok(status),
        Ending::Failed(failure) => Err(failure.into()),
        Ending::TimedOut => {
            report::timed_out(plan);
            Ok(Exit::TimedOut as u8)
        }
        Ending::Destroyed(signal) => {
            report::destroyed(signal);
            Ok(128 + u8::try_from(signal as i32).unwrap_or(0))
        }
    }
}
