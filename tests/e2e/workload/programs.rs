//! Everyday programs, servers and terminals.

use super::Workload;
use crate::harness::Scene;

#[test]
fn sqlite_makes_a_database_and_its_journals() {
    Workload::shell(
        "sqlite3: a database with a write-ahead log",
        "sqlite3 d.db 'pragma journal_mode=wal; create table t(a); insert into t values (1),(2)' && sqlite3 d.db 'select sum(a) from t'",
    )
    .tools(&["sqlite3"])
    .holds();
}

#[test]
fn tar_and_cp_keep_links_modes_and_holes() {
    Workload::shell(
        "tar, cp -a, truncate: links, modes, holes",
        "tar -czf d.tgz d && mkdir out && tar -xzf d.tgz -C out && cp -a out/d again && test \"$(readlink again/l)\" = a \
         && test \"$(stat -c %h out/d/a)\" = 2 && truncate -s 1M again/hole && cp --sparse=always again/hole hole",
    )
    .tools(&["tar"])
    .prepare(|scene| {
        scene.write(&scene.at_work("d/a"), "a\n");
        std::fs::hard_link(scene.at_work("d/a"), scene.at_work("d/b")).expect("a hard link");
        std::os::unix::fs::symlink("a", scene.at_work("d/l")).expect("a symlink");
    })
    .content_varies(&["d.tgz"])
    .holds();
}

#[test]
fn find_and_ripgrep_walk_the_workspace() {
    Workload::shell(
        "find, ripgrep",
        "find . -name 'f*.txt' | wc -l && rg -l needle | wc -l && find . -newer README.md >/dev/null",
    )
    .tools(&["find", "rg"])
    .prepare(|scene| {
        (0..50).for_each(|index| scene.write(&scene.at_work(&format!("d{}/f{index}.txt", index % 5)), "needle\n"))
    })
    .holds();
}

#[test]
fn programs_get_a_terminal_of_their_own() {
    Workload::shell(
        "script: a terminal of one's own",
        "script -qec 'test -t 0 && test -t 1 && stty size && echo on a terminal' /dev/null",
    )
    .tools(&["script"])
    .holds();
}

#[test]
fn server_in_the_background_serves_a_client() {
    Workload::shell(
        "a web server in the background and curl",
        "/usr/bin/python3 -u -m http.server 0 --bind 127.0.0.1 >log 2>&1 & \
         for i in $(seq 200); do port=$(sed -n 's/.* port \\([0-9]*\\) .*/\\1/p' log); [ -n \"$port\" ] && break; sleep 0.05; done; \
         curl -sS http://127.0.0.1:$port/README.md; kill $!",
    )
    .tools(&["python3", "curl"])
    .content_varies(&["log"])
    .holds();
}

/// A server that binds a unix socket, forks, and is asked.
fn unix_server(scene: &Scene, address: &str) {
    scene.write(
        &scene.at_work("server.py"),
        &format!(
            "import os, socket\nlistener = socket.socket(socket.AF_UNIX); listener.bind({address}); listener.listen()\n\
             if os.fork() == 0:\n    peer, _ = listener.accept(); peer.sendall(b'served'); os._exit(0)\n\
             client = socket.socket(socket.AF_UNIX); client.connect({address}); print(client.recv(100).decode())\nos.wait()\n"
        ),
    );
}

#[test]
fn server_on_a_socket_in_the_workspace_serves_a_client() {
    Workload::shell("a server at a unix socket in the workspace", "/usr/bin/python3 server.py")
        .tools(&["python3"])
        .prepare(|scene| unix_server(scene, "'s'"))
        .holds();
}

#[test]
fn server_on_an_abstract_socket_serves_a_client() {
    Workload::shell("a server at an abstract unix socket", "/usr/bin/python3 server.py")
        .tools(&["python3"])
        .prepare(|scene| unix_server(scene, "f'\\0lobsterpot-e2e-{os.getuid()}'"))
        .holds();
}

#[test]
fn many_small_files_are_made_renamed_and_removed() {
    Workload::shell(
        "hundreds of small files",
        "mkdir d && for i in $(seq 300); do echo $i >d/$i.tmp && mv d/$i.tmp d/$i; done && rm d/1* && ls d | wc -l",
    )
    .holds();
}

#[test]
fn files_elsewhere_in_the_home_are_read_where_the_policy_names_them() {
    Workload::shell("read reference files in another folder of the home", "cat ~/reference/notes")
        .prepare(|scene| scene.write(&scene.at_home("reference/notes"), "a note\n"))
        .needs_policy("files.read = [\"~/reference\"]", "what is not listed of the home folder is hidden")
        .refused_with("No such file or directory")
        .holds();
}

#[test]
fn namespaces_of_ones_own_are_made_under_dev() {
    Workload::shell("a user namespace of one's own", "unshare --user --pid --fork echo made")
        .tools(&["unshare"])
        .needs_options(&["--profile", "dev"], "namespaces are the way to much of the kernel")
        .refused_with("Operation not permitted")
        .holds();
}

#[test]
fn containers_cannot_be_made() {
    Workload::shell(
        "mounts in a namespace of one's own, as bubblewrap and rootless containers make them",
        "unshare --map-root-user --mount mount -t tmpfs none /mnt",
    )
    .tools(&["unshare", "mount"])
    .cannot(
        "Landlock refuses every mount to a confined process, whatever rights it has in its own namespace",
        "Operation not permitted",
    )
    .holds();
}
