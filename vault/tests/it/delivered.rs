//! What `unlock`, `lock`, `run`, `render` and `edit` hand to the kernel: values go into memory, and nowhere else.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use crate::harness::{Home, Ran, has};

/// A value that is in nothing else.
const VALUE: &str = "hunter2-8c1f0a";

/// How identities begin.
const KEY: &str = "AGE-SECRET-KEY";

/// The calls of a run that write, start programs or send, each with the file that it is about.
fn calls(home: &Home, arguments: &[&str]) -> Vec<String> {
    let trace = home.path("trace");
    let what = "trace=write,writev,pwrite64,pwritev,execve,execveat,sendto,sendmsg,memfd_create,symlinkat,linkat,mkdirat,prctl";
    let before = ["-f", "-y", "-s", "1000000", "-e", what, "-o", trace.to_str().unwrap()];
    let mut command = home.under("strace", &before, arguments);
    let editor = home.path("editor");
    fs::write(&editor, "#!/bin/sh\nexec sed -i s/none/nothing/ \"$1\"\n").unwrap();
    fs::set_permissions(&editor, Permissions::from_mode(0o755)).unwrap();
    Ran::from(command.env("EDITOR", editor).output().unwrap()).done();
    fs::read_to_string(trace).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn values_are_written_into_memory_and_nowhere_else() {
    if !has("strace") {
        return;
    }
    let (home, place) = (Home::with_secrets(&[("A", VALUE)]), tempfile::tempdir_in("/dev/shm").unwrap());
    fs::set_permissions(place.path(), Permissions::from_mode(0o700)).unwrap();
    fs::write(home.path("template"), "{{A}}").unwrap();
    let path = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let (target, file, output) = (path("secrets"), format!("A={}", path("files/a")), path("output"));
    let template = home.path("template").to_str().unwrap().to_owned();
    for (arguments, expected) in [
        (vec!["unlock", "--allow-swap", "--to", &target, "--env-file", ".env"], 2),
        (vec!["lock", "--to", &target], 0),
        (vec!["run", "--allow-swap", "--fd", "A=3", "--file", &file, "--", "true"], 2),
        (vec!["render", "--allow-swap", &template, "-o", &output], 1),
        (vec!["edit", "--allow-swap", "A"], 2),
        (vec!["edit", "--allow-swap"], 2),
    ] {
        let calls = calls(&home, &arguments);
        assert!(calls.iter().any(|call| call.contains("PR_SET_DUMPABLE")), "{arguments:?}");
        assert!(!calls.iter().any(|call| call.contains(KEY)), "{arguments:?}");
        let with: Vec<&String> = calls.iter().filter(|call| call.contains(VALUE)).collect();
        // The second one of `edit` is the editor's own.
        assert_eq!(with.len(), expected, "{arguments:?} {with:#?}");
        for call in with {
            let is_memory = call.contains("</dev/shm/") || call.contains("</memfd:secret") || call.contains("</run/");
            assert!(call.contains("write(") && is_memory, "{call}");
        }
    }
}
