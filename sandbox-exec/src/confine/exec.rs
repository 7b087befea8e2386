//! Becoming the command: `execvp(3)`'s search, in the sandbox's own tree and with the sandbox's own path.

use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::signal::{SigmaskHow, sigprocmask};
use nix::unistd::execve;

use super::Inherited;
use crate::plan::Plan;
use crate::step::{Failure, Step};
use crate::sys::process;

/// A command in the form that the kernel takes; made before the process is, so that little is left to do in it.
#[derive(Debug)]
pub(crate) struct Command {
    /// Files to try, in order.
    candidates: Vec<CString>,
    /// Arguments.
    arguments: Vec<CString>,
    /// Environment.
    environment: Vec<CString>,
}

impl Command {
    /// Prepares the command of `plan`.
    ///
    /// # Errors
    /// `EINVAL` for an argument that holds a NUL, which no program could receive.
    pub(crate) fn new(plan: &Plan) -> Result<Self, Failure> {
        let refused = || Failure::new(Step::Exec, Errno::EINVAL);
        let convert = |text: &OsStr| CString::new(text.as_bytes()).map_err(|_| refused());
        let program = plan.command.first().ok_or_else(refused)?;
        let arguments = plan.command.iter().map(|word| convert(word)).collect::<Result<_, _>>()?;
        let environment = plan.environment.iter().map(|(name, value)| {
            let entry = [name.as_bytes(), b"=", value.as_bytes()].concat();
            convert(OsStr::from_bytes(&entry))
        });
        let candidates = candidates(program, plan).iter().map(|path| convert(path)).collect::<Result<_, _>>()?;
        Ok(Self { candidates, arguments, environment: environment.collect::<Result<_, _>>()? })
    }

    /// Gives the caller's state back and becomes the command; returns only what went wrong.
    pub(crate) fn exec(&self, plan: &Plan, inherited: Inherited) -> Failure {
        if let Err(failure) = release(plan, inherited) {
            return failure;
        }
        let mut worst = Errno::ENOENT;
        for candidate in &self.candidates {
            let Err(errno) = execve(candidate, &self.arguments, &self.environment);
            if matches!(errno, Errno::ENOENT | Errno::ENOTDIR) {
                // The file is there: what is missing is the interpreter that it names, or its loader.
                if nix::sys::stat::stat(candidate.as_c_str()).is_ok() {
                    worst = Errno::ELIBACC;
                }
                continue;
            }
            worst = if errno == Errno::ENOEXEC { self.run_with_shell(candidate) } else { errno };
            if errno != Errno::EACCES {
                break;
            }
        }
        let program = plan.command.first().map_or(Path::new(""), Path::new);
        Failure::at(Step::Exec, program, worst)
    }

    /// Runs a script without `#!`, as `execvp(3)` does.
    fn run_with_shell(&self, script: &CString) -> Errno {
        let mut arguments = vec![c"/bin/sh".to_owned(), script.clone()];
        arguments.extend(self.arguments.iter().skip(1).cloned());
        let Err(errno) = execve(c"/bin/sh", &arguments, &self.environment);
        errno
    }
}

/// The files that `program` may mean: itself with a slash, else one in each folder of the search path.
fn candidates(program: &OsStr, plan: &Plan) -> Vec<std::ffi::OsString> {
    if program.as_bytes().contains(&b'/') {
        return vec![program.to_owned()];
    }
    let path = plan.environment.iter().find(|(name, _)| name == "PATH").map(|(_, value)| value.as_os_str());
    let folders = path.unwrap_or_default().as_bytes().split(|&byte| byte == b':');
    folders.map(|folder| Path::new(OsStr::from_bytes(folder)).join(program).into_os_string()).collect()
}

/// Closes what was closed for the caller and restores the signal mask. Every other descriptor closes on `exec` by itself.
///
/// # Errors
/// The step that failed.
fn release(plan: &Plan, inherited: Inherited) -> Result<(), Failure> {
    let failed = |errno| Failure::new(Step::Descriptors, errno);
    for (descriptor, _) in (0_u32..).zip(inherited.closed).filter(|(_, closed)| *closed) {
        process::close_descriptors(descriptor, descriptor).map_err(failed)?;
    }
    for descriptor in &plan.descriptors {
        process::keep_on_exec(*descriptor).map_err(failed)?;
    }
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&inherited.mask), None)
        .map_err(|errno| Failure::new(Step::Signals, errno))
}
