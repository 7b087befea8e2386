//! The launcher itself as the target: its processes, its own file, its start, its end.

use crate::harness::canary::random_name;
use crate::harness::patience::wait_for;
use crate::harness::{Attempt, Run, Scene, Way, escape, host};
use std::fs;
use std::process::{Command, Stdio};

/// Runs a command in a shell of the caller's, in one process group with it, which goes on afterwards and makes `alive`.
fn beside_a_shell(run: Run) -> Run {
    around(run, "\"$@\"; touch alive")
}

/// Puts a shell script around a command.
fn around(mut run: Run, script: &str) -> Run {
    run.outer.extend(host::words(&["/bin/sh", "-c", script, "sh"]));
    run
}

/// Whether the shell around a command was ended with it.
fn shell_is_gone(scene: &mut Scene) -> bool {
    !scene.at_work("alive").exists()
}

#[test]
fn signal_to_the_own_process_group_stays_inside() {
    escape(|_| Attempt::shell("kill -9 0").with(beside_a_shell).effect(shell_is_gone));
}

#[test]
fn signal_that_the_kernel_sends_for_a_pipe_stays_inside() {
    escape(|scene| Attempt::attack(scene, &["signal-by-pipe"]).with(beside_a_shell).effect(shell_is_gone));
}

/// Notes the number of the process that the launcher is, or of the client's shell that starts it, in `pid`.
fn known_by_number(run: Run) -> Run {
    around(run, "/bin/sh -c 'echo $$ >pid; exec \"$@\"' sh \"$@\"; [ $? != 137 ] || touch killed")
}

#[test]
fn launcher_cannot_be_killed_by_its_number() {
    escape(|scene| {
        let killed = scene.at_work("killed");
        Attempt::shell("kill -9 $(cat pid); kill -9 $PPID; sleep 0.1; exit 0")
            .with(known_by_number)
            .effect(move |_| killed.exists())
    });
}

#[test]
fn launcher_cannot_be_looked_into_by_its_number() {
    escape(|scene| {
        let key = scene.at_home(".ssh/id_ed25519");
        let [prefix, rest] = scene.canary.parts().map(str::to_owned);
        Attempt::shell(&format!(
            "exec 2>/dev/null; p=$(cat pid); cat /proc/$p/environ | tr '\\0' '\\n' | grep -a {prefix}{rest}; cat /proc/$p/root{0} /proc/$p/cwd/../.env; \
             for f in /proc/$p/fd/* /proc/$p/task/*/fd/*; do [ -f $f ] && head -c 500 $f; [ -d $f ] && cat $f{0}; done; head -c 1 /proc/$p/mem; :",
            key.display()
        ))
        .with(known_by_number)
    });
}

#[test]
fn launcher_that_sets_up_another_run_cannot_be_looked_into() {
    escape(|scene| {
        // Sandboxes that come and go beside the attack, each of whose launchers has the tokens in its environment.
        let launcher = scene.binary("sandbox-exec");
        let script = "for i in $(seq 40); do \"$1\" --workspace \"$2\" --net none -- true; done";
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script, "sh"]).arg(launcher).arg(&scene.workspace).env_clear().envs(scene.environment());
        command.current_dir(&scene.workspace).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        scene.identity.apply(&mut command);
        let mut others = command.spawn().expect("launchers start");
        scene.at_end(move |_| {
            drop(others.kill());
            drop(others.wait());
        });
        let [prefix, rest] = scene.canary.parts().map(str::to_owned);
        let key = scene.at_home(".ssh/id_ed25519");
        Attempt::shell(&format!(
            "exec 2>/dev/null; for i in $(seq 40); do cat /proc/[0-9]*/environ | tr '\\0' '\\n' | grep -a -m1 {prefix}{rest} && break; \
             cat /proc/[0-9]*/root{0} /proc/[0-9]*/cwd/../.env /proc/[0-9]*/fd/*{0} | grep -a -m1 {prefix}{rest} && break; done; :",
            key.display()
        ))
    });
}

#[test]
fn launchers_own_file_cannot_be_changed_through_the_processes_that_run_it() {
    escape(|scene| {
        let place = scene.binary("sandbox-exec");
        scene.identity.own(&place);
        let before = fs::metadata(&place).expect("the launcher").len();
        Attempt::shell(
            "exec 2>/dev/null; printf '#!/proc/self/exe\\n' >s; chmod +x s; ./s & for p in 1 $PPID $! self; do \
             exec 8</proc/$p/exe; for i in 1 2 3; do echo evil >>/proc/$p/exe; echo evil >>/proc/self/fd/8; done; cp -f s /proc/$p/exe; done; wait; :",
        )
        .effect(move |_| fs::metadata(&place).map_or(true, |file| file.len() != before))
        .never_bare("without the launcher nobody runs it")
    });
}

#[test]
fn launchers_own_file_cannot_be_changed_by_its_name() {
    escape(|scene| {
        let place = scene.binary("sandbox-exec");
        scene.identity.own(&place);
        let other = scene.binary("lobsterpot-egress");
        scene.identity.own(&other);
        Attempt::attack(scene, &["open-to-write".into(), other.into_os_string()])
    });
}

#[test]
fn output_that_is_held_open_does_not_keep_the_caller_waiting() {
    escape(|_| Attempt::shell("sleep 15 & (trap '' HUP TERM INT; exec sleep 15) & exit 0").or_holds_its_output());
}

#[test]
fn process_that_is_another_one_every_moment_does_not_outlive_the_call() {
    escape(|scene| {
        let name = format!("later-{}", &random_name()[..8]);
        let wanted = scene.at_work(&name);
        Attempt::attack(scene, &["runaway".to_owned(), name, "1000".to_owned()]).effect(move |_| {
            // Much longer than it takes. A machine that is slower only makes the test weaker.
            (0..25).any(|_| {
                std::thread::sleep(std::time::Duration::from_millis(100));
                wanted.exists()
            })
        })
    });
}

#[test]
fn name_is_not_made_by_a_process_that_ends_while_it_is_asked_about() {
    escape(|scene| {
        let place = scene.at_work(".mcp.json");
        Attempt::shell(
            "for i in $(seq 60); do (echo evil >.mcp.json) & p=$!; kill -9 $p; (: >x$i) & done 2>/dev/null; wait; echo evil >.mcp.json; :",
        )
        .effect(move |_| place.symlink_metadata().is_ok())
    });
}

/// Starts a command until it has run twenty times: where the launcher sees what is swapped, it may refuse to.
const LAUNCHES: &str =
    "ran=0; for i in $(seq 500); do \"$@\" && ran=$((ran+1)); [ $ran -lt 20 ] || break; sleep 0.01; done; :";

#[test]
fn folder_that_is_swapped_with_a_link_while_sandboxes_start_never_shows_what_it_leads_to() {
    escape(|scene| {
        let (folder, link) = (scene.at_work("data"), scene.at_work("other"));
        scene.write(&folder.join("id_ed25519"), "nothing\n");
        scene.write(&scene.at_home("notes/id_ed25519"), &format!("secret={}\n", scene.canary));
        std::os::unix::fs::symlink(scene.at_home("notes"), &link).expect("a symlink");
        let mut swapping = Command::new(scene.attack());
        swapping.arg("exchange-on").args([&folder, &link]).arg("300000").stdin(Stdio::null()).stdout(Stdio::null());
        let mut swapping = swapping.spawn().expect("the swapping starts");
        wait_for("the first swap", || folder.is_symlink().then_some(()));
        scene.at_end(move |_| {
            drop(swapping.kill());
            drop(swapping.wait());
        });
        let planted = scene.at_home("notes/planted");
        let launches = around(Run::default(), LAUNCHES).outer;
        Attempt::shell("cat data/id_ed25519; echo evil >data/planted; :")
            .with(|mut run| {
                run.outer = launches;
                run.flags(&["--rw".into(), folder.into_os_string()])
            })
            .or_effect(move |_| planted.exists())
            .never_by(Way::Hook, "its shell runs one command, and the launcher is the same")
    });
}
