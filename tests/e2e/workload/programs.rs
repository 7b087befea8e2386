//! Everyday programs, servers and terminals.

use super::works;
use crate::harness::{Run, each_scene, require};

#[test]
fn sqlite_makes_a_database_and_its_journals() {
    works(
        &["sqlite3"],
        |_| {},
        "sqlite3 d.db 'pragma journal_mode=wal; create table t(a); insert into t values (1),(2)' && sqlite3 d.db 'select sum(a) from t' | grep -qx 3",
    );
}

#[test]
fn tar_and_cp_keep_links_modes_and_holes() {
    works(
        &["tar"],
        |scene| {
            scene.write(&scene.at_work("d/a"), "a\n");
            std::fs::hard_link(scene.at_work("d/a"), scene.at_work("d/b")).expect("a hard link");
            std::os::unix::fs::symlink("a", scene.at_work("d/l")).expect("a symlink");
        },
        "tar -czf d.tgz d && mkdir out && tar -xzf d.tgz -C out && cp -a out/d again && test \"$(readlink again/l)\" = a \
         && test \"$(stat -c %h out/d/a)\" = 2 && truncate -s 1M again/hole && cp --sparse=always again/hole hole",
    );
}

#[test]
fn find_and_ripgrep_walk_the_workspace() {
    works(
        &["find", "rg"],
        |scene| {
            (0..50).for_each(|index| scene.write(&scene.at_work(&format!("d{}/f{index}.txt", index % 5)), "needle\n"))
        },
        "test \"$(find . -name 'f*.txt' | wc -l)\" = 50 && test \"$(rg -l needle | wc -l)\" = 50 && find . -newer README.md >/dev/null",
    );
}

#[test]
fn programs_get_a_terminal_of_their_own() {
    works(
        &["script"],
        |_| {},
        "script -qec 'test -t 0 && test -t 1 && stty size && echo on a terminal' /dev/null | grep -q 'on a terminal'",
    );
}

#[test]
fn server_in_the_background_serves_a_client() {
    if !require(&["python3", "curl"]) {
        return;
    }
    each_scene(|scene| {
        let script = "/usr/bin/python3 -u -m http.server 0 --bind 127.0.0.1 >log 2>&1 & \
             for i in $(seq 200); do port=$(sed -n 's/.* port \\([0-9]*\\) .*/\\1/p' log); [ -n \"$port\" ] && break; sleep 0.05; done; \
             curl -sS http://127.0.0.1:$port/README.md; kill $!";
        let outcome = scene.sandboxed(&Run::shell(script));
        assert!(outcome.out().contains("a project"), "{outcome}");
    });
}

#[test]
fn server_on_a_socket_in_the_workspace_serves_a_client() {
    if !require(&["python3"]) {
        return;
    }
    each_scene(|scene| {
        scene.write(
            &scene.at_work("server.py"),
            "import os, socket\nlistener = socket.socket(socket.AF_UNIX); listener.bind('s'); listener.listen()\n\
             if os.fork() == 0:\n    peer, _ = listener.accept(); peer.sendall(b'served'); os._exit(0)\n\
             client = socket.socket(socket.AF_UNIX); client.connect('s'); print(client.recv(100).decode())\nos.wait()\n",
        );
        let outcome = scene.sandboxed(&Run::shell("/usr/bin/python3 server.py"));
        assert_eq!(outcome.ok().trim(), "served");
    });
}

#[test]
fn server_on_an_abstract_socket_serves_a_client() {
    if !require(&["python3"]) {
        return;
    }
    each_scene(|scene| {
        scene.write(
            &scene.at_work("server.py"),
            "import os, socket\nlistener = socket.socket(socket.AF_UNIX); listener.bind('\\0lobsterpot-e2e'); listener.listen()\n\
             if os.fork() == 0:\n    peer, _ = listener.accept(); peer.sendall(b'served'); os._exit(0)\n\
             client = socket.socket(socket.AF_UNIX); client.connect('\\0lobsterpot-e2e'); print(client.recv(100).decode())\nos.wait()\n",
        );
        assert_eq!(scene.sandboxed(&Run::shell("/usr/bin/python3 server.py")).ok().trim(), "served");
    });
}

#[test]
fn many_small_files_are_made_renamed_and_removed() {
    works(
        &["bash"],
        |_| {},
        "mkdir d && for i in $(seq 300); do echo $i >d/$i.tmp && mv d/$i.tmp d/$i; done && rm d/1* && ls d | wc -l",
    );
}
