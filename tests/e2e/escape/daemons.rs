//! The sockets of other programs, at the places where they really lie: the desktop's, agents' of keys, container engines', the system's.
//!
//! A test has its own `/run` and `/tmp`, and something answers at every one of the addresses.

use crate::harness::attempt::{escape_as_root, escape_prepared_by_root};
use crate::harness::{Attempt, Scene, host, require};
use std::ffi::OsString;

/// Gives a command folders for sockets that nobody else sees, a server at every address, and ends that afterwards.
const SERVED: &str = r#"
set -e
attack=$1 secret=$2 user=$3; shift 3
mount -t tmpfs -o mode=755 none /run
mount -t tmpfs -o mode=1777 none /tmp
addresses=()
while [ "$1" != -- ]; do
  case $1 in @*) ;; *) mkdir -p "${1%/*}";; esac
  addresses+=("$1"); shift
done
shift
exec 3< <("$attack" serve "$secret" "${addresses[@]}")
server=$!
until [ "$line" = READY ]; do read -r line <&3; done
set +e
setpriv --reuid="$user" --regid="$user" --clear-groups "$@"
status=$?
kill $server
exit $status"#;

/// Has a command try every address, each of which answers outside.
fn nobody_answers(addresses: impl Fn(&Scene) -> Vec<OsString>) {
    if !require(&["unshare", "setpriv"]) {
        return;
    }
    let attempt = |scene: &mut Scene| {
        let addresses = addresses(scene);
        let mut outer = host::words(&["unshare", "--mount", "--propagation", "private", "/bin/bash", "-c", SERVED]);
        outer.extend(["bash".into(), scene.attack().into_os_string(), scene.canary.text().into()]);
        outer.push(scene.identity.id.to_string().into());
        outer.extend(addresses.iter().cloned());
        outer.push("--".into());
        let mut words: Vec<OsString> = vec!["connect-each".into()];
        words.extend(addresses.iter().cloned());
        let attempt = Attempt::attack(scene, &words).leaks().with(|mut run| {
            (run.outer, run.outer_changes_user) = (outer, true);
            run
        });
        let bare = scene.bare(&attempt.run());
        let answers = bare.out().lines().filter(|line| line.starts_with("ANSWER ")).count();
        assert_eq!(answers, addresses.len(), "every one of them answers bare: {bare}");
        attempt
    };
    escape_as_root(attempt);
    escape_prepared_by_root(attempt);
}

/// Paths below `/run/user/ID` and others, with the user's id put in.
fn of(scene: &Scene, paths: &[&str]) -> Vec<OsString> {
    let home = scene.home.to_string_lossy();
    let id = scene.identity.id.to_string();
    paths.iter().map(|path| path.replace("ID", &id).replace('~', &home).into()).collect()
}

#[test]
fn sockets_of_the_desktop_cannot_be_reached() {
    nobody_answers(|scene| {
        of(
            scene,
            &[
                "/tmp/.X11-unix/X71",
                "/tmp/.ICE-unix/4171",
                "/run/user/ID/bus",
                "/run/user/ID/wayland-0",
                "/run/user/ID/pipewire-0",
                "/run/user/ID/pipewire-0-manager",
                "/run/user/ID/pulse/native",
                "/run/user/ID/at-spi/bus",
                "/run/user/ID/.dbus-proxy/session-bus-proxy",
                "/run/user/ID/systemd/private",
                "/run/user/ID/systemd/notify",
                "/run/user/ID/app/com.example/browser",
                "~/.cache/ibus/dbus-Abc123",
            ],
        )
    });
}

#[test]
fn sockets_of_agents_that_hold_keys_cannot_be_reached() {
    nobody_answers(|scene| {
        of(
            scene,
            &[
                "/tmp/ssh-AbCdEf012345/agent.4171",
                "/run/user/ID/ssh-agent.socket",
                "/run/user/ID/openssh_agent",
                "/run/user/ID/keyring/ssh",
                "/run/user/ID/keyring/control",
                "/run/user/ID/gcr/ssh",
                "/run/user/ID/gnupg/S.gpg-agent",
                "/run/user/ID/gnupg/S.gpg-agent.ssh",
                "/run/user/ID/gnupg/d.abcdefghijklmnopqrstuvwx/S.gpg-agent",
                "/run/user/ID/kwallet5.socket",
                "/run/pcscd/pcscd.comm",
                "~/.gnupg/S.gpg-agent",
                "~/.gnupg/S.keyboxd",
                "~/.ssh/agent/s.abc.agent.def",
                "~/.ssh/control-git@example.org:22",
                "~/.1password/agent.sock",
                "~/.bitwarden-ssh-agent.sock",
                "~/.git-credential-cache/socket",
                "~/.cache/git/credential/socket",
            ],
        )
    });
}

#[test]
fn sockets_of_container_engines_and_virtual_machines_cannot_be_reached() {
    nobody_answers(|scene| {
        of(
            scene,
            &[
                "/run/docker.sock",
                "/run/docker/plugins/x.sock",
                "/run/containerd/containerd.sock",
                "/run/containerd/s/0123456789abcdef",
                "/run/crio/crio.sock",
                "/run/k3s/containerd/containerd.sock",
                "/run/podman/podman.sock",
                "/run/buildkit/buildkitd.sock",
                "/run/libvirt/libvirt-sock",
                "/run/libvirt/virtqemud-sock",
                "/run/lxd/unix.socket",
                "/run/incus/unix.socket",
                "/run/snapd.socket",
                "/run/snapd-snap.socket",
                "/run/user/ID/docker.sock",
                "/run/user/ID/podman/podman.sock",
                "/run/user/ID/containerd-rootless/api.sock",
                "/run/user/ID/libvirt/libvirt-sock",
                "~/.docker/run/docker.sock",
                "~/.docker/desktop/docker.sock",
                "~/.local/share/containers/podman/machine/podman.sock",
                "~/.colima/default/docker.sock",
                "~/.rd/docker.sock",
            ],
        )
    });
}

#[test]
fn sockets_of_the_system_and_of_databases_cannot_be_reached() {
    nobody_answers(|scene| {
        of(
            scene,
            &[
                "/run/dbus/system_bus_socket",
                "/run/systemd/private",
                "/run/systemd/journal/stdout",
                "/run/systemd/userdb/io.systemd.Multiplexer",
                "/run/systemd/resolve/io.systemd.Resolve",
                "/run/systemd/io.systemd.Credentials",
                "/run/udev/control",
                "/run/nscd/socket",
                "/run/polkit/agent-helper.socket",
                "/run/acpid.socket",
                "/run/cups/cups.sock",
                "/run/tailscale/tailscaled.sock",
                "/run/postgresql/.s.PGSQL.5432",
                "/run/mysqld/mysqld.sock",
                "/run/redis/redis.sock",
                "/tmp/.s.PGSQL.5432",
                "/tmp/tmux-ID/default",
                "/run/screen/S-pat/4171.pts",
                "/tmp/vscode-ipc-0123.sock",
                "/run/user/ID/vscode-git-0123.sock",
                "~/.local/share/code-server/s.sock",
                "/tmp/cc-socks/4171.sock",
                "/tmp/.X71-lock/s",
            ],
        )
    });
}

#[test]
fn abstract_sockets_of_the_desktop_and_of_engines_cannot_be_reached() {
    nobody_answers(|_| {
        let name = crate::harness::canary::random_name();
        [
            "/tmp/.X11-unix/X7",
            "/tmp/.ICE-unix/4",
            "/tmp/dbus-",
            "/containerd-shim/",
            "/org/kernel/linux/storage/multipathd",
            "snapd-",
        ]
        .map(|shape| format!("@{shape}{name}").into())
        .to_vec()
    });
}
