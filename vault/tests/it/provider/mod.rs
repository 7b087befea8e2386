//! Programs that ask for secrets by protocols of their own, and callers who only pretend to be them.

mod claude;
mod docker;
mod git;
mod openclaw;

use std::process::Command;

use crate::harness::{Home, Ran};

/// A program on a terminal, as `script` of util-linux makes one: what it says, and its status.
fn on_a_terminal(command: &Command) -> (String, i32) {
    let quoted: Vec<String> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| format!("'{}'", word.to_str().unwrap()))
        .collect();
    let output = Command::new("script").args(["-qec", &quoted.join(" "), "/dev/null"]).output().unwrap();
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code().unwrap())
}

/// Nothing was handed out, and the vault is as it was.
#[track_caller]
fn nothing(home: &Home, before: &[u8], ran: &Ran) {
    assert_eq!(ran.stdout, b"", "{ran:?}");
    assert!(!ran.stderr.contains("hunter2"), "{ran:?}");
    assert_eq!(std::fs::read(home.vault()).unwrap(), before);
}
