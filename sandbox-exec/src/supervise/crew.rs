//! Threads that connect: a connection may take long, and others must not wait for it.
//!
//! As many as are needed and no more than a bound; what comes then waits for the next one that is free.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;

use super::connect::Connection;
use crate::sys::notify::{self, Answer};

/// How many threads there may be.
const THREADS: usize = 128;
/// How many connections may wait for one.
const WAITING: usize = 512;
/// Bytes of a thread's stack.
const STACK: usize = 64 * 1024;

/// The threads of one run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Crew(Arc<Mutex<Work>>);

/// What there is to do.
#[derive(Debug, Default)]
struct Work {
    /// What waits, longest first.
    waiting: VecDeque<Job>,
    /// How many threads there are.
    threads: usize,
}

/// One connection to make.
#[derive(Debug)]
pub(crate) struct Job {
    /// Where the call is answered.
    pub(crate) listener: Arc<OwnedFd>,
    /// The call's number.
    pub(crate) id: u64,
    /// The connection.
    pub(crate) connection: Connection,
}

impl Crew {
    /// Has `job` done. When there is too much to do, the call fails with `EAGAIN`.
    pub(crate) fn take(&self, job: Job) {
        let mut work = self.work();
        if work.threads < THREADS {
            work.threads += 1;
            drop(work);
            return self.start(job);
        }
        if work.waiting.len() < WAITING {
            return work.waiting.push_back(job);
        }
        drop(work);
        job.refuse();
    }

    /// Starts one more thread, with `job` as the first that it does.
    fn start(&self, job: Job) {
        let (listener, id) = (Arc::clone(&job.listener), job.id);
        let crew = self.clone();
        let thread = std::thread::Builder::new().stack_size(STACK).spawn(move || {
            let mut next = Some(job);
            while let Some(job) = next {
                job.finish();
                next = crew.next();
            }
        });
        if thread.is_err() {
            self.work().threads -= 1;
            let _ = notify::answer(&*listener, id, Answer::Fail(Errno::EAGAIN));
        }
    }

    /// What a thread does next; with nothing to do it ends.
    fn next(&self) -> Option<Job> {
        let mut work = self.work();
        let next = work.waiting.pop_front();
        if next.is_none() {
            work.threads -= 1;
        }
        next
    }

    /// What there is to do.
    fn work(&self) -> MutexGuard<'_, Work> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Job {
    /// Connects and answers, unless the caller is gone meanwhile.
    fn finish(self) {
        let Self { listener, id, connection } = self;
        if notify::still_waits(&*listener, id) {
            let answer = connection.finish();
            let _ = notify::answer(&*listener, id, answer);
        }
    }

    /// Answers that nobody is free.
    fn refuse(self) {
        let _ = notify::answer(&*self.listener, self.id, Answer::Fail(Errno::EAGAIN));
    }
}
