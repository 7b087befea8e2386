//! The terminal that the agent's person sits at.

use crate::harness::attempt::Attempt;
use crate::harness::{Scene, escape};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

/// An attempt made on a terminal.
fn on_a_terminal(scene: &Scene, words: &[&str]) -> Attempt {
    let helper = scene.attack().into_os_string();
    Attempt::attack(scene, words).with(|mut run| {
        run.outer = vec![helper, "in-terminal".into(), "24".into(), "80".into()];
        run
    })
}

#[test]
fn nothing_can_be_typed_into_the_terminal() {
    escape(|scene| on_a_terminal(scene, &["tiocsti", "0"]));
}

#[test]
fn nothing_can_be_typed_into_the_terminal_with_high_bits_set() {
    escape(|scene| on_a_terminal(scene, &["tiocsti", "1"]));
    escape(|scene| on_a_terminal(scene, &["tiocsti", "4294967295"]));
}

#[test]
fn console_paste_is_refused() {
    escape(|scene| on_a_terminal(scene, &["tioclinux", "0"]));
}

#[test]
fn console_paste_is_refused_with_high_bits_set() {
    escape(|scene| on_a_terminal(scene, &["tioclinux", "1"]));
    escape(|scene| on_a_terminal(scene, &["tioclinux", "4294967295"]));
}

#[test]
fn line_discipline_cannot_be_set() {
    escape(|scene| on_a_terminal(scene, &["tiocsetd"]));
}

#[test]
fn terminal_cannot_be_kept_from_everybody_else() {
    escape(|scene| on_a_terminal(scene, &["tiocexcl"]));
}

#[test]
fn terminal_of_the_caller_cannot_be_opened_when_no_stream_is_one() {
    escape(|scene| {
        Attempt::attack(scene, &["tty-write", "/dev/tty", "evil"]).with(|mut run| {
            let words = ["in-terminal", "24", "80", "/bin/sh", "-c", "\"$@\" </dev/null 2>&1 | cat", "sh"];
            run.outer = [scene.attack().into_os_string()].into_iter().chain(words.map(Into::into)).collect();
            run
        })
    });
}

#[test]
fn another_terminal_of_the_user_cannot_be_written() {
    escape(|scene| {
        let mut command = Command::new(scene.attack());
        command.arg("tty-show").stdin(Stdio::null()).stdout(Stdio::piped());
        scene.identity.apply(&mut command);
        let mut child = command.spawn().expect("a terminal");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines().map_while(Result::ok);
        let place = lines.find_map(|line| line.strip_prefix("TERMINAL ").map(str::to_owned)).expect("its place");
        scene.at_end(move |_| {
            drop(child.kill());
            drop(child.wait());
        });
        Attempt::attack(scene, &["tty-write", &place, "evil\n"])
    });
}
