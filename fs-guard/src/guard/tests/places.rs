//! What is shown where: grants, masks, protections, private places.

use std::os::unix::ffi::OsStrExt;

use lobsterpot_policy::{Access, ReasonCode};

use super::super::Request;
use super::world::{World, code};

#[test]
fn keys_are_masked_and_everything_else_of_the_home_is_outside() {
    let world = World::new();
    assert_eq!(world.reading(world.path("home/.ssh/id")), ReasonCode::Masked);
    assert_eq!(world.reading(world.path("home/hidden/note")), ReasonCode::OutsideWorkspace);
    assert_eq!(world.reading(world.path("outside/secret")), ReasonCode::OutsideWorkspace);
    assert_eq!(world.reading(world.path("home")), ReasonCode::OutsideWorkspace);
    assert_eq!(world.reading("/"), ReasonCode::OutsideWorkspace);
    assert_eq!(world.reading("/etc/passwd"), ReasonCode::Allowed);
    assert_eq!(world.reading("/etc/shadow"), ReasonCode::Masked);
    assert_eq!(world.writing("/etc/passwd"), ReasonCode::ReadOnly);
}

#[test]
fn private_places_are_never_the_hosts() {
    let world = World::new();
    let file = tempfile::NamedTempFile::new_in("/tmp").unwrap();
    assert_eq!(world.reading(file.path()), ReasonCode::Scratch);
    assert_eq!(world.writing("/tmp/new"), ReasonCode::Scratch);
    assert_eq!(world.writing(world.path("home/.cache/new")), ReasonCode::Scratch);
}

#[test]
fn the_kernels_own_paths_lead_nowhere() {
    let world = World::new();
    let secret = world.path("outside/secret");
    for path in [
        format!("/proc/{}/root{}", std::process::id(), secret.display()),
        "/proc/self/environ".to_owned(),
        "/proc/self/fd/0".to_owned(),
        "/dev/fd/0".to_owned(),
        "/dev/stdin".to_owned(),
        "/dev/null".to_owned(),
        "/proc".to_owned(),
    ] {
        assert_eq!(world.reading(&path), ReasonCode::Special, "{path}");
    }
}

#[test]
fn the_root_and_the_current_folder_mean_the_sandboxs_own() {
    let world = World::new();
    let (work, secret) = (world.path("home/work"), world.path("outside/secret"));
    world.link("/proc/self/root", "home/work/root");
    for path in [
        format!("/proc/self/root{}", secret.display()),
        format!("/proc/thread-self/root/proc/self/root{}", secret.display()),
        format!("root{}", secret.display()),
        "/proc/self/cwd/../hidden/note".to_owned(),
    ] {
        assert_eq!(world.reading(&path), ReasonCode::OutsideWorkspace, "{path}");
    }
    assert_eq!(world.reading(format!("/proc/self/root{}/src/main.rs", work.display())), ReasonCode::Allowed);
    assert_eq!(world.reading("/proc/self/cwd/src/main.rs"), ReasonCode::Allowed);
    // A client's process may stand in another folder than the one that it tells of.
    let request = Request::new(Access::Read).as_client();
    let asked = world.guard().resolve("/proc/self/cwd/src/main.rs".as_ref(), &request);
    assert_eq!(code(asked), ReasonCode::Special);
}

#[test]
fn protected_names_cannot_be_written_whether_they_exist_or_not() {
    let world = World::new();
    world.write("home/work/.git/hooks/pre-commit", "x");
    world.write("home/work/.git/HEAD", "x");
    world.write("home/work/.claude/settings.json", "{}");
    world.link("nowhere", "home/work/.envrc");
    for name in [
        ".git/hooks/pre-commit",
        ".git/hooks/new",
        ".git/config",
        ".claude/settings.json",
        ".claude/new",
        ".mcp.json",
        ".vscode/tasks.json",
        ".envrc",
        "src/../.mcp.json",
    ] {
        assert_eq!(world.writing(name), ReasonCode::Protected, "{name}");
    }
    assert_eq!(world.reading(".claude/settings.json"), ReasonCode::Allowed);
    assert_eq!(world.reading(".git/HEAD"), ReasonCode::Allowed);
    assert_eq!(world.writing("src/.mcp.json"), ReasonCode::Allowed);
    assert_eq!(world.reading(".mcp.json"), ReasonCode::NotFound);
}

#[test]
fn a_file_tool_plants_no_hooks_in_a_repository_that_does_not_exist_yet() {
    let world = World::new();
    for name in [
        ".git",
        ".git/",
        ".git/config",
        ".git/hooks/pre-commit",
        ".git/description",
        ".git/rebase-merge/git-rebase-todo",
    ] {
        assert_eq!(world.writing(name), ReasonCode::Protected, "{name}");
    }
}

#[test]
fn the_repository_that_a_git_file_leads_to_is_protected() {
    let world = World::new();
    world.write("home/work/main/.git/worktrees/w/commondir", "../..\n");
    world.write("home/work/main/.git/config", "x");
    world.write("home/work/.git", "gitdir: main/.git/worktrees/w\n");
    for name in [".git", "main/.git/config", "main/.git/hooks/pre-commit", "main/.git/worktrees/w/commondir"] {
        assert_eq!(world.writing(name), ReasonCode::Protected, "{name}");
    }
    assert_eq!(world.writing("main/.git/HEAD"), ReasonCode::Protected);
    assert_eq!(world.writing("main/HEAD"), ReasonCode::Allowed);
}

#[test]
fn what_git_goes_on_with_is_written_by_no_file_tool() {
    let world = World::new();
    for name in ["HEAD", "index", "MERGE_RR", "rebase-merge/strategy", "worktrees/x/commondir", "modules/a/config"] {
        world.write(&format!("home/work/.git/{name}"), "x");
        world.write(&format!("home/work/deep/er/.git/{name}"), "x");
    }
    world.link(".git/rebase-merge", "home/work/steps");
    world.link("../.git", "home/work/src/way");
    world.link("deep/er/.git/index", "home/work/index");
    let guard = world.guard();
    let named = |name: &str| code(guard.resolve(name.as_ref(), &Request::new(Access::Write).about_name()));
    for name in [
        ".git/HEAD",
        ".git/index",
        ".git/logs/HEAD",
        ".git/sequencer/opts",
        ".git/rebase-merge/git-rebase-todo",
        ".git/worktrees/x/commondir",
        ".git/worktrees/y/gitdir",
        ".git/modules/a/config",
        ".git/objects/00/11",
        "deep/er/.git/index",
        "deep/er/.git/new/folder/",
        "new/.git",
        "new/.git/config",
        "new/.GIT/config",
        "steps/git-rebase-todo",
        "src/way/MERGE_RR",
        "src/way/../.git/new",
    ] {
        assert_eq!(world.writing(name), ReasonCode::Protected, "{name}");
        assert_eq!(named(name), ReasonCode::Protected, "removing {name}");
    }
    assert_eq!(world.writing("index"), ReasonCode::Protected);
    for name in [".git/HEAD", ".git/rebase-merge/strategy", "steps/strategy", "index"] {
        assert_eq!(world.reading(name), ReasonCode::Allowed, "{name}");
    }
    for name in [".gitignore", ".gitmodules", "deep/er/x", "x.git/config", "git", ".github/x"] {
        assert_eq!(world.writing(name), ReasonCode::Allowed, "{name}");
    }
    let refusal = world.write_to(".git/rebase-merge/git-rebase-todo").unwrap_err();
    assert!(refusal.verdict.instead.contains("git command"), "{refusal:?}");
}

#[test]
fn the_folder_that_a_git_leads_to_is_written_by_no_file_tool() {
    for is_link in [true, false] {
        let world = World::new();
        world.write("home/work/store/HEAD", "x");
        if is_link {
            world.link("store", "home/work/.git");
        } else {
            world.write("home/work/.git", "gitdir: store\n");
        }
        for name in ["store/HEAD", "store/rebase-merge/git-rebase-todo", "store/sequencer"] {
            assert_eq!(world.writing(name), ReasonCode::Protected, "{name}");
        }
        assert_eq!(world.reading("store/HEAD"), ReasonCode::Allowed);
        assert_eq!(world.writing("stores/HEAD"), ReasonCode::Allowed);
    }
}

#[test]
fn a_git_that_is_a_link_cannot_be_repointed() {
    let world = World::new();
    world.write("home/work/real/hooks/pre-commit", "x");
    world.link("real", "home/work/.git");
    assert_eq!(world.writing(".git/hooks/pre-commit"), ReasonCode::Protected);
    assert_eq!(world.writing("real/hooks/pre-commit"), ReasonCode::Protected);
    let guard = world.guard();
    assert_eq!(code(guard.resolve(".git".as_ref(), &Request::new(Access::Write).about_name())), ReasonCode::Protected);
}

#[test]
fn what_does_not_exist_yet_is_told_with_what_is_missing() {
    let world = World::new();
    let target = world.write_to("new/deeper/file").unwrap();
    assert_eq!(target.name, "new");
    assert_eq!(target.missing, ["deeper", "file"]);
    assert!(target.file.is_none() && !target.folder);
    let target = world.write_to("new/").unwrap();
    assert!(target.folder && target.missing.is_empty());
    assert_eq!(world.reading("new/deeper/file"), ReasonCode::NotFound);
    assert_eq!(world.writing("new/../file"), ReasonCode::NotFound);
    assert_eq!(world.writing("src/main.rs/x"), ReasonCode::NotAFolder);
    assert_eq!(world.reading("src/main.rs/"), ReasonCode::NotAFolder);
    assert_eq!(world.reading("src/main.rs/."), ReasonCode::NotAFolder);
}

#[test]
fn odd_spellings_are_refused_or_told_apart() {
    let world = World::new();
    assert_eq!(world.reading(""), ReasonCode::BadPath);
    assert_eq!(world.reading("src/main.rs\0"), ReasonCode::BadPath);
    assert_eq!(world.reading("x".repeat(5000)), ReasonCode::BadPath);
    assert_eq!(world.writing("x".repeat(256)), ReasonCode::BadPath);
    assert_eq!(world.writing(format!("new/{}", "x".repeat(256))), ReasonCode::BadPath);
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9\xff");
    std::fs::write(world.path("home/work").join(name), "x").unwrap();
    assert_eq!(world.reading(name), ReasonCode::Allowed);
    assert_eq!(world.reading("SRC/MAIN.RS"), ReasonCode::NotFound);
}

#[test]
fn pipes_devices_and_sockets_are_not_opened() {
    let world = World::new();
    nix::unistd::mkfifo(&world.path("home/work/pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let _listener = std::os::unix::net::UnixListener::bind(world.path("home/work/s")).unwrap();
    for name in ["pipe", "s"] {
        assert_eq!(world.reading(name), ReasonCode::Special, "{name}");
        let seen = world.guard().resolve(name.as_ref(), &Request::new(Access::Read).of_any_kind());
        assert_eq!(code(seen), ReasonCode::Allowed, "{name}");
    }
    assert_eq!(code(world.guard().resolve("s".as_ref(), &Request::new(Access::Connect))), ReasonCode::SocketNotAllowed);
}

#[test]
fn a_workspace_in_a_masked_folder_is_shown_and_what_is_around_it_is_not() {
    let world = World::new();
    world.write("home/.openclaw/workspace/notes.md", "x");
    world.write("home/.openclaw/workspace/.env", "x");
    world.write("home/.openclaw/openclaw.json", "x");
    let guard = world.guard_of(&["home/.openclaw/workspace"]);
    let read = |name: &str| code(guard.resolve(name.as_ref(), &Request::new(Access::Read)));
    assert_eq!(read("notes.md"), ReasonCode::Allowed);
    assert_eq!(read("../openclaw.json"), ReasonCode::Masked);
    assert_eq!(read("../workspace/notes.md"), ReasonCode::Allowed);
    assert_eq!(read(".env"), ReasonCode::Masked);
}

#[test]
fn a_grant_that_is_a_link_shows_what_it_leads_to_under_its_own_name_only() {
    let world = World::with(
        "[files]\nread = [\"~/reference\", \"~/notes.txt\"]\nwrite = [\"~/out\"]\nmask = [\"~/reference/private\"]\n",
    );
    world.write("elsewhere/reference/a", "x");
    world.write("elsewhere/reference/private/key", "x");
    world.write("elsewhere/notes", "x");
    std::fs::create_dir_all(world.path("elsewhere/out")).unwrap();
    world.link("../elsewhere/reference", "home/reference");
    world.link("../elsewhere/notes", "home/notes.txt");
    world.link("../elsewhere/out", "home/out");
    let target = world.read(world.path("home/reference/a")).unwrap();
    assert_eq!(target.path, world.path("elsewhere/reference/a"));
    let target = world.read(world.path("home/notes.txt")).unwrap();
    assert_eq!((target.path, target.name.to_str()), (world.path("elsewhere/notes"), Some("notes")));
    assert_eq!(world.reading(world.path("home/reference/private/key")), ReasonCode::Masked);
    assert_eq!(world.reading(world.path("elsewhere/reference/a")), ReasonCode::OutsideWorkspace);
    assert_eq!(world.writing(world.path("home/reference/a")), ReasonCode::ReadOnly);
    assert_eq!(world.writing(world.path("home/out/new")), ReasonCode::Allowed);
    assert_eq!(world.reading(world.path("home/reference/../hidden/note")), ReasonCode::OutsideWorkspace);
}

#[test]
fn masks_at_any_depth_hold_by_name() {
    let world = World::with("[files]\nmask = [\"**/.env\", \"**/private/*.key\"]\n");
    world.write("home/work/a/b/.env", "x");
    world.write("home/work/a/private/x.key", "x");
    world.write("home/work/a/private/x.pub", "x");
    world.write("home/work/a/plain", "x");
    world.link("plain", "home/work/a/c.env");
    world.write("home/work/d/data", "x");
    world.link("data", "home/work/d/.env");
    for name in ["a/b/.env", "a/private/x.key", "d/.env", "d/data"] {
        assert_eq!(world.reading(name), ReasonCode::Masked, "{name}");
    }
    assert_eq!(world.reading("a/private/x.pub"), ReasonCode::Allowed);
    assert_eq!(world.reading("a/c.env"), ReasonCode::Allowed);
}
