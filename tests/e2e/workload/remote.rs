//! Git with a forge, over ssh, with a key that only an agent has.

use super::Workload;
use crate::harness::{Run, Scene, internet};
use std::process::{Command, Stdio};

/// The lines of the policy by which ssh gets an agent and knows hosts.
const LINES: &str = "files.sockets = [\"~/agent/socket\"]\nenvironment.pass = [\"SSH_AUTH_SOCK\"]\n\
     environment.set.GIT_SSH_COMMAND = \"ssh -o UserKnownHostsFile=$HOME/.config/git/known_hosts\"";

/// The forge's repository, as ssh names it.
fn address() -> String {
    internet().map_or_else(String::new, |internet| {
        format!("ssh://{}@github.com{}", internet.file("user.name").trim(), internet.repository().display())
    })
}

/// Starts an agent of the scene's user, gives it the key, and writes down which key the forge has.
fn agent(scene: &mut Scene) {
    let Some(internet) = internet() else { return };
    scene.mkdir(&scene.at_home("agent"));
    let socket = scene.at_home("agent/socket");
    let mut command = Command::new("ssh-agent");
    command.arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).stderr(Stdio::null());
    scene.identity.apply(&mut command);
    let mut agent = command.spawn().expect("ssh-agent starts");
    scene.at_end(move |_| {
        drop(agent.kill());
        drop(agent.wait());
    });
    let add = "for i in $(seq 2400); do [ -S \"$SSH_AUTH_SOCK\" ] && break; sleep 0.05; done; ssh-add -q -";
    scene.bare(&Run::shell(add).env("SSH_AUTH_SOCK", &socket).input(internet.file("user").as_bytes())).ok();
    scene.write(&scene.at_home(".config/git/known_hosts"), &format!("github.com {}", internet.file("host.pub")));
}

#[test]
fn git_clones_and_pushes_over_ssh_with_a_key_that_only_the_agent_has() {
    Workload::new("git clone, fetch and push over ssh, with a key that only ssh-agent has", |scene| {
        let script = format!(
            "set -e; [ -n \"$GIT_SSH_COMMAND\" ] || export GIT_SSH_COMMAND=\"ssh -F none -o BatchMode=yes $BARE\"; \
             git clone -q --single-branch -b main {} p; cd p; cat README; echo more >more; git add more; git commit -qm more; \
             git push -q origin HEAD:refs/heads/agent-$$-$(date +%N); git fetch -q origin main; git status --porcelain",
            address()
        );
        Run::shell(&script)
            .env("SSH_AUTH_SOCK", scene.at_home("agent/socket"))
            .env("BARE", format!("-o UserKnownHostsFile={}", scene.at_home(".config/git/known_hosts").display()))
    })
    .tools(&["git", "ssh", "ssh-agent", "ssh-add"])
    .online()
    .only_known_users()
    .prepare(agent)
    .without_names(&["p/.git/*"])
    .needs_policy(
        LINES,
        "an agent signs whatever it is asked to sign, so it is named; `~/.ssh` is masked with its `known_hosts`, so ssh is told of a copy of that file",
    )
    .refused_with("Host key verification failed")
    .holds();
}
