//! A process outside the sandbox that holds a secret in its memory, environment and open files.

use super::identity::Identity;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The process; it ends when dropped.
#[derive(Debug)]
pub(crate) struct Victim {
    /// The process.
    child: Child,
    /// Where its secret lies in its memory.
    pub(crate) address: String,
    /// How long the secret is.
    pub(crate) length: String,
}

impl Victim {
    /// Starts one. Its stdin is the secret file.
    pub(crate) fn start(identity: Identity, program: &Path, folder: &Path, secret: &str, open: &Path) -> Self {
        let mut command = Command::new(program);
        command.arg("idle").env_clear().env("LOBSTERPOT_VICTIM", secret).current_dir(folder);
        command.stdin(File::open(open).expect("the secret file")).stdout(Stdio::piped()).stderr(Stdio::null());
        identity.apply(&mut command);
        let mut child = command.spawn().expect("the victim starts");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
        let line =
            lines.by_ref().map_while(Result::ok).find(|line| line.starts_with("AT ")).expect("the victim says where");
        let mut words = line.split(' ').skip(1).map(str::to_owned);
        let (address, length) = (words.next().expect("an address"), words.next().expect("a length"));
        Self { child, address, length }
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> String {
        self.child.id().to_string()
    }

    /// Whether it still runs.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_none())
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
