//! Attacks on what is seen and what can be changed.

use std::path::{Path, PathBuf};

use lobsterpot_policy::{HomeView, Origin, Pattern, Rule};

use super::sight::{Seen, seen, shows_host};
use super::world::{HOME, WORK, World, home, work};
use crate::plan::{Access, NodeKind, Plan, Room, Source};

#[test]
fn a_mask_wins_over_a_read_grant_around_it() {
    let mut world = World::new();
    world.folder(home(".cargo"));
    world.file(home(".cargo/credentials.toml"));
    let plan = world.plan();
    assert_eq!(seen(&plan, home(".cargo/env")), Seen::Layered(home(".cargo/env")));
    assert_eq!(seen(&plan, home(".cargo/credentials.toml")), Seen::Mask);
}

#[test]
fn a_mask_wins_over_the_same_path_granted_for_writing() {
    let mut world = World::new();
    world.folder(home(".ssh"));
    world.folder(home(".ssh/sockets"));
    world.flags(|flags| {
        flags.write(&home(".ssh")).expect("a path");
        flags.write(&home(".ssh/sockets")).expect("a path");
    });
    let plan = world.plan();
    assert!(!shows_host(&plan, home(".ssh")));
    assert!(!shows_host(&plan, home(".ssh/sockets")));
    let hidden = plan.notes.iter().filter(|note| note.contains("stays hidden"));
    assert_eq!(hidden.count(), 2, "{:?}", plan.notes);
}

#[test]
fn workspace_inside_masked_openclaw_is_bound_back_after_the_mask() {
    let workspace = "/home/ann/.openclaw/workspace";
    for view in [HomeView::Hide, HomeView::ReadOnly] {
        let mut world = World::new();
        world.policy.files.home = view;
        world.folder(home(".openclaw"));
        world.file(home(".openclaw/openclaw.json"));
        world.folder(workspace);
        world.work_in(workspace);
        let plan = world.plan();
        assert_eq!(
            seen(&plan, Path::new(workspace).join("notes")),
            Seen::Writable(Path::new(workspace).join("notes")),
            "{view:?}"
        );
        assert!(!shows_host(&plan, home(".openclaw/openclaw.json")), "{view:?}");
        assert!(!shows_host(&plan, home(".openclaw")), "{view:?}");
    }
}

#[test]
fn a_secret_inside_a_workspace_that_was_bound_back_stays_masked() {
    let workspace = "/home/ann/.openclaw/workspace";
    let mut world = World::new();
    world.folder(home(".openclaw"));
    world.folder(workspace);
    world.file("/home/ann/.openclaw/workspace/.env");
    world.work_in(workspace);
    assert_eq!(seen(&world.plan(), "/home/ann/.openclaw/workspace/.env"), Seen::Mask);
}

#[test]
fn read_grant_that_is_a_symlink_into_a_mask_stays_hidden() {
    let mut world = World::new();
    world.folder(home(".ssh"));
    world.file(home(".ssh/config"));
    world.link(home(".gitconfig"), ".ssh/config", "/home/ann/.ssh/config");
    let plan = world.plan();
    assert!(!shows_host(&plan, home(".gitconfig")));
    assert!(plan.notes.iter().any(|note| note.contains(".gitconfig")), "{:?}", plan.notes);
}

#[test]
fn a_masked_name_that_is_a_symlink_hides_what_it_leads_to() {
    let mut world = World::new();
    world.policy.files.home = HomeView::ReadOnly;
    world.folder(home("dotfiles"));
    world.file(home("dotfiles/netrc"));
    world.link(home(".netrc"), "dotfiles/netrc", "/home/ann/dotfiles/netrc");
    let plan = world.plan();
    assert_eq!(seen(&plan, home("dotfiles/netrc")), Seen::Mask);
    assert!(shows_host(&plan, home("dotfiles/vimrc")));
}

#[test]
fn a_home_that_is_hidden_shows_nothing_that_was_not_listed() {
    let mut world = World::new();
    world.file(home("diary.txt"));
    world.folder("/home/bob");
    let plan = world.plan();
    assert_eq!(seen(&plan, home("diary.txt")), Seen::Nothing);
    assert_eq!(seen(&plan, "/home/bob"), Seen::Nothing);
    assert_eq!(seen(&plan, HOME), Seen::Own);
}

#[test]
fn a_mask_inside_the_workspace_covers_files_and_folders() {
    let mut world = World::new();
    world.file(work(".env"));
    world.folder(work("secrets"));
    let plan = world.plan();
    assert_eq!(seen(&plan, work(".env")), Seen::Mask);
    assert_eq!(seen(&plan, work("secrets/key")), Seen::Mask);
    assert_eq!(seen(&plan, work(".env.example")), Seen::Writable(work(".env.example")));
    let notice = plan.tree.iter().filter(|node| node.kind == NodeKind::Notice).count();
    assert_eq!(notice, 1, "the masked folder says why it is empty");
}

#[test]
fn a_socket_of_the_host_is_never_shown_by_a_read_grant() {
    let mut world = World::new();
    world.socket("/opt/docker.sock");
    world.flags(|flags| flags.read(Path::new("/opt/docker.sock")).expect("a path"));
    assert!(!shows_host(&world.plan(), "/opt/docker.sock"));
}

#[test]
fn protected_folder_parents_become_mount_points() {
    let mut world = World::new();
    for folder in [".git", ".git/hooks"] {
        world.folder(work(folder));
    }
    world.file(work(".git/config"));
    let plan = world.plan();
    let place = |path: PathBuf| plan.open.iter().position(|mount| mount.target == path).expect("a mount point");
    assert_eq!(seen(&plan, work(".git/objects")), Seen::Writable(work(".git/objects")));
    assert_eq!(seen(&plan, work(".git/hooks/pre-commit")), Seen::Readable(work(".git/hooks/pre-commit")));
    assert_eq!(seen(&plan, work(".git/config")), Seen::Readable(work(".git/config")));
    let (root, between, hooks) = (place(WORK.into()), place(work(".git")), place(work(".git/hooks")));
    assert!(root < between && between < hooks, "what is protected comes after what surrounds it");
    assert!(plan.open.iter().skip(root + 1).all(|mount| mount.room == Room::Host || !mount.target.starts_with(WORK)));
}

/// Protects `path`, too.
fn protect(world: &mut World, path: PathBuf) {
    let pattern = Pattern::literal(&path).expect("a pattern");
    world.policy.files.protect.push(Rule { pattern, reason: None, origin: Origin::flags() });
}

#[test]
fn a_protected_folder_stays_protected_when_something_in_it_was_named_before() {
    let mut world = World::new();
    for folder in [".github", ".github/a", ".github/a/b", ".github/hooks"] {
        world.folder(work(folder));
    }
    for name in [".github/a/b", ".github/hooks", ".github"] {
        protect(&mut world, work(name));
    }
    let plan = world.plan();
    for name in ["x", "a/x", "a/b/x", "hooks/x"] {
        let path = work(".github").join(name);
        assert_eq!(seen(&plan, &path), Seen::Readable(path.clone()));
    }
    assert!(!shows_host(&plan, "/home/ann/other"), "nothing above the workspace may come into view");
    assert_eq!(seen(&plan, work("x")), Seen::Writable(work("x")));
}

#[test]
fn a_folder_that_holds_a_mask_cannot_be_moved_away_from_it() {
    let mut world = World::new();
    for folder in ["fixtures", "fixtures/deep", "fixtures/deep/private"] {
        world.folder(work(folder));
    }
    world.flags(|flags| flags.mask(&work("fixtures/deep/private")).expect("a path"));
    let plan = world.plan();
    assert_eq!(seen(&plan, work("fixtures/deep/private/x")), Seen::Mask);
    for folder in ["fixtures", "fixtures/deep"] {
        assert!(plan.open.iter().any(|mount| mount.target == work(folder)), "{folder} is no mount point");
        assert_eq!(seen(&plan, work(folder).join("x")), Seen::Writable(work(folder).join("x")));
    }
}

#[test]
fn a_mask_holds_where_a_grant_shows_its_folder_under_another_name() {
    let mut world = World::new();
    world.folder("/data");
    world.file("/data/key");
    world.folder("/data/private");
    world.link(home("reference"), "/data", "/data");
    world.flags(|flags| {
        flags.read(&home("reference")).expect("a path");
        flags.mask(Path::new("/data/key")).expect("a path");
        flags.mask(Path::new("/data/private")).expect("a path");
    });
    let plan = world.plan();
    assert_eq!(seen(&plan, home("reference/file")), Seen::Readable(PathBuf::from("/data/file")));
    assert_eq!(seen(&plan, home("reference/key")), Seen::Mask);
    assert_eq!(seen(&plan, home("reference/private/x")), Seen::Mask);
}

#[test]
fn a_protected_symlink_protects_the_file_that_would_be_run() {
    let mut world = World::new();
    world.folder(work("shared"));
    world.folder(work("shared/claude"));
    world.link(work(".claude"), "shared/claude", "/home/ann/work/shared/claude");
    let plan = world.plan();
    let settings = work("shared/claude/settings.json");
    assert_eq!(seen(&plan, &settings), Seen::Readable(settings));
}

/// Whether `plan` guards `name` in the workspace.
fn guards(plan: &Plan, name: &str) -> bool {
    plan.supervision.guards.iter().any(|guard| guard.root == Path::new(WORK) && guard.name == Path::new(name))
}

#[test]
fn names_that_do_not_exist_yet_are_guarded() {
    let plan = World::new().plan();
    for name in [".mcp.json", ".claude", ".envrc"] {
        assert!(guards(&plan, name), "{name}");
    }
    assert!(!guards(&plan, ".git/hooks"), "git init must be able to make it");
}

#[test]
fn an_existing_repository_is_guarded_where_it_could_be_redirected() {
    let mut world = World::new();
    world.folder(work(".git"));
    assert!(guards(&world.plan(), ".git/commondir"));
}

#[test]
fn everything_that_is_sealed_is_only_read() {
    let mut world = World::new();
    world.folder(home(".cargo"));
    world.file("/etc/shadow");
    let plan = world.plan();
    assert!(plan.sealed.iter().all(|mount| mount.access == Access::Read));
    assert_eq!(seen(&plan, "/etc/passwd"), Seen::Readable("/etc/passwd".into()));
    assert_eq!(seen(&plan, "/etc/shadow"), Seen::Mask);
    assert_eq!(seen(&plan, "/bin/sh"), Seen::Readable("/usr/bin/sh".into()));
}

#[test]
fn scratch_mounts_come_after_sealing() {
    let plan = World::new().plan();
    let scratch =
        |mount: &&crate::plan::Mount| matches!(mount.source, Source::Tree(_)) && mount.access == Access::Write;
    assert_eq!(plan.sealed.iter().filter(scratch).count(), 0);
    for folder in ["/tmp", "/var/tmp", "/dev/shm", "/home/ann/.cache"] {
        assert_eq!(seen(&plan, folder), Seen::Scratch, "{folder}");
    }
}

#[test]
fn a_workspace_under_tmp_is_shown_in_the_private_tmp() {
    let mut world = World::new();
    world.folder("/tmp");
    world.folder("/tmp/job");
    world.file("/tmp/other");
    world.work_in("/tmp/job");
    let plan = world.plan();
    assert_eq!(seen(&plan, "/tmp/job/x"), Seen::Writable("/tmp/job/x".into()));
    assert_eq!(seen(&plan, "/tmp/other"), Seen::Scratch);
}

#[test]
fn overlay_shows_a_folder_and_leaves_it_as_it_is() {
    let mut world = World::new();
    world.folder(home(".cargo"));
    world.file(home(".cargo/credentials.toml"));
    world.folder(home(".cargo/bin"));
    let plan = world.plan();
    assert_eq!(seen(&plan, home(".cargo/registry/x")), Seen::Layered(home(".cargo/registry/x")));
    assert_eq!(seen(&plan, home(".cargo/credentials.toml")), Seen::Mask);
    assert_eq!(seen(&plan, home(".cargo/bin/x")), Seen::Readable(home(".cargo/bin/x")));
    assert!(!plan.writable_origins().is_empty());
    let shared = plan
        .open
        .iter()
        .filter(|mount| mount.access == Access::Write && matches!(mount.source, Source::Host(_) | Source::Own(_)));
    assert!(shared.map(|mount| &mount.target).all(|target| !target.starts_with(home(".cargo"))));
}

#[test]
fn overlay_of_what_is_not_there_is_a_private_folder() {
    let plan = World::new().plan();
    assert_eq!(seen(&plan, home(".cargo/registry/x")), Seen::Scratch);
}

#[test]
fn absent_package_folder_of_go_is_private_also_beside_what_is_installed() {
    let mut world = World::new();
    world.folder(home("go"));
    world.folder(home("go/bin"));
    let plan = world.plan();
    assert_eq!(seen(&plan, home("go/pkg/mod/x")), Seen::Scratch);
    assert_eq!(seen(&plan, home("go/bin/x")), Seen::Readable(home("go/bin/x")));
    assert_ne!(seen(&plan, home("go/x")), Seen::Scratch, "nothing else is to be written there and lost");
}

#[test]
fn overlay_of_what_is_not_read_shows_nothing() {
    let mut world = World::new();
    world.folder(home(".cargo"));
    world.policy.files.read.retain(|rule| !rule.pattern.to_string().starts_with("~/.cargo"));
    assert_eq!(seen(&world.plan(), home(".cargo/registry/x")), Seen::Nothing);
}

#[test]
fn what_is_mounted_is_the_file_that_was_looked_at() {
    let mut world = World::new();
    world.folder(home(".cargo"));
    let plan = world.plan();
    let identities = plan.sealed.iter().chain(&plan.open).filter_map(|mount| match &mount.source {
        Source::Host(origin) | Source::Own(origin) | Source::Overlay(origin, _) => Some(origin.identity),
        Source::Tree(_) => None,
    });
    let identities: Vec<_> = identities.collect();
    assert!(identities.len() >= 4 && identities.iter().all(|identity| *identity != (0, 0)));
}

#[test]
fn landlock_lets_nothing_be_written_that_is_mounted_read_only() {
    let mut world = World::new();
    world.folder(home(".cargo"));
    world.folder(work(".git"));
    world.folder(work(".git/hooks"));
    let plan = world.plan();
    let writable = plan.landlock.as_ref().expect("a ruleset").writable.clone();
    assert!(writable.contains(&PathBuf::from(WORK)));
    for path in &writable {
        assert!(
            matches!(seen(&plan, path), Seen::Writable(_) | Seen::Layered(_) | Seen::Scratch),
            "{}",
            path.display()
        );
    }
}

#[test]
fn plan_is_deterministic() {
    let plans: Vec<_> = (0..8).map(|_| busy_world().plan()).collect();
    assert!(plans.windows(2).all(|pair| matches!(pair, [one, other] if one == other)));
}

/// A world in which every list has more than one entry.
fn busy_world() -> World {
    let mut world = World::new();
    for folder in [".cargo", ".rustup", ".ssh", ".aws", ".openclaw", ".local/lib"] {
        world.folder(home(folder));
    }
    for file in [".env", ".env.local", ".git/config", ".bashrc"] {
        world.file(work(file));
    }
    for folder in [".git", ".git/hooks", ".vscode", "secrets"] {
        world.folder(work(folder));
    }
    world.environment = ["LANG", "TERM", "TZ", "CI"].map(|name| (name.into(), "x".into())).to_vec();
    world
}
