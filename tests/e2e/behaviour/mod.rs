//! What a caller sees of the launcher: statuses, streams, signals, terminals, arguments, refusals.

mod arguments;
mod ending;
mod kept;
mod nested;
mod network_inside;
mod places;
mod refusals;
mod signals;
mod status;
mod streams;
mod terminal;
mod told;
mod unfinished;
mod way_out;
mod without_namespaces;

use crate::harness::{Run, Scene, each_scene};

/// Asserts that a command ends the same in the sandbox as bare: status, stdout and stderr.
#[track_caller]
fn same_as_bare(run: &Run) {
    each_scene(|scene| {
        let (bare, inside) = (scene.bare(run), scene.sandboxed(run));
        assert_eq!(
            (inside.status, &inside.stdout, &inside.stderr),
            (bare.status, &bare.stdout, &bare.stderr),
            "as bare: {bare}\nnot: {inside}"
        );
    });
}

/// Asserts that the launcher itself refuses, with a status of its own, one line of message and a hint.
#[track_caller]
fn refused(scene: &Scene, run: &Run, status: i32) -> String {
    let outcome = scene.sandboxed(run);
    assert_eq!(outcome.status, status, "{outcome}");
    assert!(outcome.stdout.is_empty(), "nothing of its own on stdout: {outcome}");
    let text = outcome.err();
    assert!(text.lines().any(|line| line.starts_with("sandbox-exec: ")), "a message: {outcome}");
    assert!(text.lines().any(|line| line.starts_with("hint: ")), "a hint: {outcome}");
    text
}

/// A repository with a branch `side` whose commit is in conflict with the one of `main`.
pub(crate) fn in_conflict(scene: &Scene) {
    scene
        .bare(&Run::shell(
            "git init -q -b main . && echo a >f && git add f && git commit -qm a && git checkout -qb side && echo b >f && \
             git commit -qam b && git checkout -q main && echo c >f && git commit -qam c && git checkout -q side",
        ))
        .ok();
}
