//! Searches that cannot be completed.

use std::fs;

use lobsterpot_policy::{LoadRequest, ProfileName, SystemReader, load};
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{getgid, getuid};

use super::*;
use crate::deep::SearchError;

/// Makes folders in `folder` that are deeper than any path can tell.
fn dig(folder: &Path) {
    let mut folder = openat(AT_FDCWD, folder, OFlag::O_DIRECTORY, Mode::empty()).unwrap();
    let name = "d".repeat(250);
    for _ in 0..20 {
        mkdirat(&folder, name.as_str(), Mode::S_IRWXU).unwrap();
        folder = openat(&folder, name.as_str(), OFlag::O_DIRECTORY, Mode::empty()).unwrap();
    }
}

/// What the mask `pattern` hides for a caller whose workspace is `work` in their home folder.
fn masked(pattern: &str, home: &Path) -> (Vec<PathBuf>, Option<SearchError>) {
    let policy =
        load(&LoadRequest { profile: Some(ProfileName::Agent), ..LoadRequest::default() }, &SystemReader).unwrap();
    let mut files = policy.files;
    let mut rule = files.mask[0].clone();
    rule.pattern = lobsterpot_policy::Pattern::parse(pattern).unwrap();
    files.mask = vec![rule];
    let places = Places {
        home: home.to_owned(),
        homes: vec![home.to_owned()],
        workspaces: vec![home.join("work")],
        ..Places::default()
    };
    let caller =
        Caller { uid: getuid(), gid: getgid(), home: home.to_owned(), homes: vec![home.to_owned()], name: None };
    let mut probe = Probe::default();
    let rules = Rules::look(&mut probe, &files, &places, &caller);
    let found: Vec<PathBuf> = rules.mask.iter().flat_map(|rule| rule.found.clone()).collect();
    assert!(found.iter().all(|path| probe.facts.contains_key(path.as_os_str())), "what is found was looked at");
    (found, probe.trouble)
}

#[test]
fn a_folder_deeper_than_any_path_does_not_uncover_the_secrets_beside_it() {
    for pattern in ["**/.env", "~/**/.env"] {
        let home = tempfile::tempdir().unwrap();
        let work = home.path().join("work");
        fs::create_dir_all(work.join("p")).unwrap();
        fs::write(work.join("p/.env"), "canary").unwrap();
        let (found, trouble) = masked(pattern, home.path());
        assert_eq!((found, trouble), (vec![work.join("p/.env")], None), "{pattern}");
        dig(&work);
        let (found, trouble) = masked(pattern, home.path());
        // A workspace is bound back over a mask of itself: only masks of what is in it hold.
        assert!(found.contains(&work.join("p")), "{pattern}: {found:?}");
        assert!(found.contains(&work.join("d".repeat(250))), "{pattern}");
        assert!(matches!(trouble, Some(SearchError::TooDeep { .. })), "{pattern}");
    }
}
