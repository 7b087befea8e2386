//! What is *not* stopped: each test shows a gap of `docs/known-gaps.md`. One that fails shows that the gap is closed:
//! then the test moves to `escape`, with the attack the other way round.

use crate::harness::{Run, each_scene};

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
