//! The terminal: size, keys and job control.

use crate::harness::{Run, Scene, each_scene};

/// A command on a terminal of 30 rows and 100 columns, and the keys that are typed. Words between two NULs are waited for until the
/// terminal shows them; nothing between two waits for 300 ms.
fn on_a_terminal(scene: &Scene, mut run: Run, keys: &[u8]) -> Run {
    run.outer = vec![scene.attack().into_os_string(), "in-terminal".into(), "30".into(), "100".into()];
    run.input(keys)
}

#[test]
fn command_sees_the_terminal_and_its_size() {
    each_scene(|scene| {
        let run = on_a_terminal(
            scene,
            Run::shell("test -t 0 && test -t 1 && test -t 2 && stty size && echo to tty >/dev/tty"),
            b"",
        );
        let outcome = scene.sandboxed(&run);
        let text = outcome.ok();
        assert!(text.contains("30 100") && text.contains("to tty"), "{outcome}");
    });
}

#[test]
fn interrupt_key_reaches_the_command_once() {
    each_scene(|scene| {
        let script = "trap 'n=$((n+1)); echo INT' INT; echo ready; until [ \"$n\" ]; do sleep 0.1; done; sleep 0.5; exit $((40 + n))";
        let outcome = scene.sandboxed(&on_a_terminal(scene, Run::shell(script), b"\0ready\0\x03"));
        assert_eq!(outcome.status, 41, "{outcome}");
    });
}

#[test]
fn interrupt_key_ends_a_command_that_does_not_mind_it() {
    each_scene(|scene| {
        let outcome =
            scene.sandboxed(&on_a_terminal(scene, Run::shell("echo ready; exec sleep 300"), b"\0ready\0\x03"));
        assert_eq!(outcome.status, 130, "{outcome}");
    });
}

#[test]
fn interrupt_key_ends_a_command_whose_streams_are_no_terminal() {
    each_scene(|scene| {
        let mut run =
            on_a_terminal(scene, Run::shell("echo ready; sleep 150; sleep 150; echo slept"), b"\0ready\0\x03");
        run.outer.extend(["/bin/sh", "-c", "\"$@\" </dev/null 2>&1 | cat", "sh"].map(Into::into));
        let outcome = scene.sandboxed(&run);
        assert!(outcome.time.as_secs() < 140 && !outcome.out().contains("slept"), "{outcome}");
    });
}

#[test]
fn stop_key_and_the_foreground_command_work() {
    each_scene(|scene| {
        let launcher = scene.binary("sandbox-exec");
        // What is typed, and what the shell says of it, does not hold the words that are waited for.
        let script = "echo rea\"\"dy; sleep 1; echo fini\"\"shed";
        let line = format!("{} --workspace . -- sh -c '{script}'\n", launcher.display());
        let keys = [line.as_bytes(), b"\0ready\0\x1a\0Stopped\0jobs\n\0Stopped\0fg\n\0finished\0exit 9\n"].concat();
        let run = on_a_terminal(scene, Run::new(&["bash", "--norc", "--noprofile", "-i"]), &keys);
        let outcome = scene.bare(&run);
        let text = outcome.out();
        assert!(text.contains("Stopped"), "the stop key stops it: {outcome}");
        assert!(text.contains("finished"), "and it goes on in the foreground: {outcome}");
        assert_eq!(outcome.status, 9, "the shell has its terminal back: {outcome}");
    });
}

#[test]
fn lines_typed_are_read_by_the_command() {
    each_scene(|scene| {
        let outcome =
            scene.sandboxed(&on_a_terminal(scene, Run::shell("read line; echo \"got <$line>\""), b"\0\0hello\n"));
        assert!(outcome.ok().contains("got <hello>"), "{outcome}");
    });
}
