//! The supervisor's answers to calls that the filter hands out.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::unistd::Pid;

use crate::plan::Supervision;
use crate::sys::notify::{self, Answer};

/// A filter's listener and what is needed to answer it.
#[derive(Debug)]
pub(crate) struct Watch<'a> {
    listener: OwnedFd,
    _supervision: &'a Supervision,
    _init: Pid,
}

impl<'a> Watch<'a> {
    /// x
    pub(crate) fn new(listener: OwnedFd, supervision: &'a Supervision, init: Pid) -> Self {
        notify::wake_synchronously(&listener);
        Self { listener, _supervision: supervision, _init: init }
    }
    /// x
    pub(crate) fn listener(&self) -> Option<BorrowedFd<'_>> {
        Some(self.listener.as_fd())
    }
    /// x
    pub(crate) fn names(&self) -> Option<BorrowedFd<'_>> {
        None
    }
    /// x
    pub(crate) fn answer(&mut self) {
        if let Ok(call) = notify::receive(&self.listener) {
            let _ = notify::answer(&self.listener, call.id, Answer::Continue);
        }
    }
    /// x
    pub(crate) fn sweep(&mut self) {}
}
