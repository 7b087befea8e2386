//! Arguments and environment that are odd, but honest.

use super::same_as_bare;
use crate::harness::{Run, each_scene};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

#[test]
fn arguments_arrive_byte_for_byte() {
    let mut words: Vec<OsString> = ["printf", "<%s>"].map(Into::into).to_vec();
    words.extend(
        ["", " ", "two words", "new\nline", "tab\t", "'quoted\"", "$HOME", "--", "-x", "*", "\\", "é"].map(Into::into),
    );
    words.push(OsString::from_vec(vec![0xff, 0xfe, b'x']));
    words.push("y".repeat(100_000).into());
    same_as_bare(&Run::new(&words));
}

#[test]
fn options_of_the_command_are_not_the_launchers() {
    same_as_bare(&Run::new(&["echo", "--workspace", "/", "--net", "host"]));
}

#[test]
fn three_thousand_arguments_arrive() {
    let words: Vec<String> = ["echo".to_owned()].into_iter().chain((0..3000).map(|index| index.to_string())).collect();
    same_as_bare(&Run::new(&words));
}

#[test]
fn variables_asked_for_are_passed_or_set() {
    each_scene(|scene| {
        let run =
            Run::shell("echo \"$KEPT:$MADE\"").env("KEPT", "kept").flags(&["--env", "KEPT", "--env", "MADE=made up"]);
        assert_eq!(scene.sandboxed(&run).ok(), "kept:made up\n");
    });
}

#[test]
fn harmless_variables_are_passed() {
    each_scene(|scene| {
        let run = Run::shell("echo $LANG:$TERM:$HOME").env("LANG", "C.UTF-8").env("TERM", "xterm");
        assert_eq!(scene.sandboxed(&run).ok(), format!("C.UTF-8:xterm:{}\n", scene.home.display()));
    });
}

#[test]
fn umask_and_nice_value_are_kept() {
    each_scene(|scene| {
        let mut run = Run::shell("umask; nice");
        run.outer = ["/bin/sh", "-c", "umask 027; exec nice -n 5 \"$@\"", "sh"].map(Into::into).to_vec();
        // The suite itself may have been started with another nice value than 0.
        let bare = scene.bare(&run).ok();
        assert!(bare.starts_with("0027\n"), "{bare}");
        assert_eq!(scene.sandboxed(&run).ok(), bare);
    });
}

#[test]
fn command_sees_its_own_user() {
    same_as_bare(&Run::shell("id -u; id -g"));
}
