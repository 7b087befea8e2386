//! Variables that the caller had.

use crate::harness::{Attempt, Way, escape};

#[test]
fn tokens_in_the_environment_are_dropped() {
    escape(|_| Attempt::shell("env; echo $OPENAI_API_KEY"));
}

#[test]
fn token_under_an_unknown_name_is_dropped() {
    escape(|scene| {
        let token = scene.canary.text().to_owned();
        Attempt::shell("env").with(|run| run.env("SOME_SERVICE_THAT_NOBODY_KNOWS", token))
    });
}

#[test]
fn start_file_named_in_the_environment_is_not_run() {
    for name in ["BASH_ENV", "ENV"] {
        escape(|scene| {
            scene.write(&scene.at_work("start.sh"), "touch started\n");
            let (start, wanted) = (scene.at_work("start.sh"), scene.at_work("started"));
            let shell = if name == "ENV" { "sh -i -c true" } else { "bash -c true" };
            Attempt::shell(shell)
                .effect(move |_| wanted.exists())
                .with(|run| run.env(name, start))
                .never_by(Way::Hook, "the client's own shell reads the file, outside, whatever it is asked to run")
        });
    }
}

#[test]
fn loader_and_interpreter_options_in_the_environment_are_dropped() {
    escape(|_| {
        Attempt::shell("env | grep -E '^(LD_PRELOAD|LD_LIBRARY_PATH|NODE_OPTIONS|PYTHONSTARTUP|PERL5OPT|RUBYOPT|GIT_SSH_COMMAND)='")
            .status_zero()
            .with(|run| {
                run.env("LD_LIBRARY_PATH", "/nowhere")
                    .env("NODE_OPTIONS", "--require=/nowhere.js")
                    .env("PYTHONSTARTUP", "/nowhere.py")
                    .env("PERL5OPT", "-Mnowhere")
                    .env("RUBYOPT", "-rnowhere")
                    .env("GIT_SSH_COMMAND", "/nowhere")
            })
    });
}

#[test]
fn sockets_of_agents_are_not_named_in_the_environment() {
    escape(|_| {
        Attempt::shell("env | grep -E '^(SSH_AUTH_SOCK|DBUS_SESSION_BUS_ADDRESS|GPG_AGENT_INFO|DOCKER_HOST|CLAUDE_CODE_MESSAGING_SOCKET)='")
            .status_zero()
            .with(|run| run.env("SSH_AUTH_SOCK", "/run/agent").env("DOCKER_HOST", "unix:///run/docker.sock"))
    });
}
