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
         for i in $(seq 2400); do port=$(sed -n 's/.* port \\([0-9]*\\) .*/\\1/p' log); [ -n \"$port\" ] && break; sleep 0.05; done; \
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
        .prepare(|scene| unix_server(scene, "f'\\0lobsterpot-e2e-{os.getppid()}-{os.getuid()}'"))
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

#[test]
fn server_at_a_unix_socket_is_told_who_connects() {
    Workload::shell("a server that asks who connects (SO_PEERCRED), at a path and at an abstract name", "/usr/bin/python3 peer.py")
        .tools(&["python3"])
        .prepare(|scene| {
            scene.write(
                &scene.at_work("peer.py"),
                "import os, socket, struct\nfor address in ('s', f'\\0lobsterpot-e2e-peer-{os.getpid()}-{os.getuid()}'):\n    \
                 listener = socket.socket(socket.AF_UNIX); listener.bind(address); listener.listen()\n    \
                 client = socket.socket(socket.AF_UNIX); client.connect(address); peer, _ = listener.accept()\n    \
                 _, user, group = struct.unpack('3i', peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))\n    \
                 print(user == os.geteuid(), group == os.getegid())\n",
            );
        })
        .holds();
}

#[test]
fn terminal_multiplexer_runs_a_session() {
    Workload::shell(
        "tmux: a session of its own, asked and ended",
        "tmux -S t.sock -f /dev/null new-session -d 'echo in tmux >seen; sleep 60' && until grep -q tmux seen; do sleep 0.02; done 2>/dev/null; \
         tmux -S t.sock list-sessions | wc -l; tmux -S t.sock kill-server; cat seen",
    )
    .tools(&["tmux"])
    .without_names(&["t.sock"])
    .holds();
}

#[test]
fn ssh_agent_holds_a_key_of_the_workspace() {
    Workload::shell(
        "ssh-agent, ssh-keygen, ssh-add: a key that is made in the workspace",
        "ssh-agent sh -c 'ssh-keygen -q -t ed25519 -N \"\" -f key && ssh-add -q key && ssh-add -l | wc -l'",
    )
    .tools(&["ssh-agent", "ssh-keygen"])
    .only_known_users()
    .content_varies(&["key", "key.pub"])
    .holds();
}

#[test]
fn jobs_run_beside_each_other() {
    Workload::shell(
        "&, wait, nohup, setsid, xargs -P",
        "(sleep 0.1; echo one >one) & nohup sh -c 'echo two >two' >/dev/null 2>&1; setsid --wait sh -c 'echo three >three'; wait; \
         cat one two three; seq 200 | xargs -P 8 -n 1 echo | sort -n | tail -1",
    )
    .tools(&["setsid", "xargs"])
    .holds();
}

#[test]
fn output_is_passed_on_whole_and_byte_by_byte() {
    Workload::shell(
        "output of many megabytes, and of bytes that are no text",
        "head -c 64000000 /dev/zero | md5sum; yes | head -c 3000000; printf '\\000\\377\\033\\r\\n'",
    )
    .holds();
}

#[test]
fn languages_time_zones_and_the_machine_are_as_outside() {
    Workload::shell(
        "locales, time zones, nproc, df, ps",
        "locale charmap; printf 'f\\303\\274r' | wc -m; for zone in UTC Asia/Tokyo America/New_York; do TZ=$zone date -d @0; done; \
         nproc; getconf _NPROCESSORS_ONLN; /usr/bin/python3 -c 'import os; print(os.cpu_count(), len(os.sched_getaffinity(0)))'; \
         grep -c ^processor /proc/cpuinfo; df -P . | wc -l; ps -o comm= -p $$",
    )
    .tools(&["locale", "ps", "python3"])
    .holds();
}
