//! Threads that connect: a connection may take long, and others must not wait for it.
//!
//! As many as are needed and no more than a bound; what comes then waits for the next one that is free. One that has nothing to do
//! stays for a while: making a thread takes longer than most connections do.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::errno::Errno;

use super::connect::Connection;
use crate::sys::notify::{self, Answer};

/// How many threads there may be.
const THREADS: usize = 128;
/// How many connections may wait for one.
const WAITING: usize = 512;
/// Bytes of a thread's stack.
const STACK: usize = 64 * 1024;
/// How long a thread without anything to do stays.
const STAYS: Duration = Duration::from_secs(2);

/// The threads of one run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Crew(Arc<Shared>);

/// What the threads share.
#[derive(Debug, Default)]
struct Shared {
    /// What there is to do.
    work: Mutex<Work>,
    /// Signalled once for each job that is left to a thread that has nothing to do.
    more: Condvar,
}

/// What there is to do.
#[derive(Debug, Default)]
struct Work {
    /// What waits, longest first.
    waiting: VecDeque<Job>,
    /// How many threads there are.
    threads: usize,
    /// How many of them have nothing to do.
    idle: usize,
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
        // Each job that waits already has an idle thread that is on its way to it.
        if work.waiting.len() < work.idle {
            work.waiting.push_back(job);
            drop(work);
            return self.0.more.notify_one();
        }
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

    /// Lets go of what waits for a thread: nobody is left who would want it.
    pub(crate) fn dismiss(&self) {
        let waiting = std::mem::take(&mut self.work().waiting);
        drop(waiting);
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

    /// What a thread does next; when there was nothing to do for a while it ends.
    fn next(&self) -> Option<Job> {
        let mut work = self.work();
        if let Some(job) = work.waiting.pop_front() {
            return Some(job);
        }
        work.idle += 1;
        let nothing = |work: &mut Work| work.waiting.is_empty();
        let waited = self.0.more.wait_timeout_while(work, STAYS, nothing);
        let mut work = waited.map_or_else(|poisoned| poisoned.into_inner().0, |(work, _)| work);
        work.idle -= 1;
        let next = work.waiting.pop_front();
        if next.is_none() {
            work.threads -= 1;
        }
        next
    }

    /// What there is to do.
    fn work(&self) -> MutexGuard<'_, Work> {
        self.0.work.lock().unwrap_or_else(PoisonError::into_inner)
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

#[cfg(test)]
mod tests {
    use super::super::connect::Way;
    use super::*;
    use std::net::UdpSocket;

    /// A job that is over at once, since nobody waits for it.
    fn job() -> Job {
        let socket: OwnedFd = UdpSocket::bind("127.0.0.1:0").expect("a socket").into();
        let listener = Arc::new(socket.try_clone().expect("a copy"));
        Job { listener, id: 0, connection: Connection { socket, way: Way::by(vec![]), destination: None } }
    }

    /// Waits until every thread of the crew has nothing to do; how many there are.
    fn settled(crew: &Crew) -> usize {
        loop {
            let work = crew.work();
            if work.idle == work.threads && work.waiting.is_empty() {
                return work.threads;
            }
            drop(work);
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_thread_that_has_nothing_to_do_takes_the_next_job() {
        let crew = Crew::default();
        for _ in 0..50 {
            crew.take(job());
            // On a machine that stands still for longer than a thread stays, there is none.
            assert!(settled(&crew) <= 1);
        }
    }

    #[test]
    fn jobs_that_come_at_once_are_all_done_by_no_more_threads_than_may_be() {
        let crew = Crew::default();
        let jobs: Vec<Job> = (0..THREADS + 200).map(|_| job()).collect();
        let listeners: Vec<Arc<OwnedFd>> = jobs.iter().map(|job| Arc::clone(&job.listener)).collect();
        jobs.into_iter().for_each(|job| crew.take(job));
        assert!(settled(&crew) <= THREADS);
        assert!(listeners.iter().all(|listener| Arc::strong_count(listener) == 1), "each is done and let go");
    }

    #[test]
    fn threads_do_not_stay_for_ever() {
        let crew = Crew::default();
        crew.take(job());
        while crew.work().threads > 0 {
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(crew.work().idle, 0);
    }
}
