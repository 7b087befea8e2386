//! The second layer: what the process of the service could do, should a judgement be wrong.

use std::fs;
use std::os::fd::AsFd as _;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use serde_json::json;

use crate::scene::{CANARY, as_everybody};
use crate::service::Service;

#[test]
fn it_holds_no_descriptor_that_was_left_open_for_it() {
    as_everybody(|scene| {
        let secret = fs::File::open(scene.path("../outside/secret")).unwrap();
        fcntl(secret.as_fd(), FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
        let mut service = Service::new(scene);
        service.ask(&json!({"id": 1, "op": "hello"}));
        let folder = format!("/proc/{}/fd", service.child.id());
        let targets: Vec<_> =
            fs::read_dir(folder).unwrap().filter_map(|entry| fs::read_link(entry.unwrap().path()).ok()).collect();
        assert!(targets.len() >= 3, "{targets:?}");
        assert!(targets.iter().all(|target| !target.ends_with("outside/secret")), "{targets:?}");
        assert_eq!(service.end().0, 0);
    });
}

#[test]
fn it_can_gain_no_privileges() {
    as_everybody(|scene| {
        let mut service = Service::new(scene);
        service.ask(&json!({"id": 1, "op": "hello"}));
        let status = fs::read_to_string(format!("/proc/{}/status", service.child.id())).unwrap();
        assert!(status.lines().any(|line| line == "NoNewPrivs:\t1"), "{status}");
        assert_eq!(service.end().0, 0);
    });
}

#[test]
fn honest_work_in_every_granted_folder_goes_on() {
    as_everybody(|scene| {
        scene.plant("../second/file", "second");
        scene.plant("../reference/deep/file", "reference");
        scene.plant("../build/old", "old");
        let [second, reference, build] =
            ["../second", "../reference", "../build"].map(|name| scene.path(name).canonicalize().unwrap());
        let options = |rest: &[&std::ffi::OsStr]| -> Vec<std::ffi::OsString> {
            let options = [
                "--workspace".as_ref(),
                second.as_os_str(),
                "--ro".as_ref(),
                reference.as_os_str(),
                "--rw".as_ref(),
                build.as_os_str(),
            ];
            options.iter().chain(rest).map(Into::into).collect()
        };
        let path = |folder: &std::path::Path, name: &str| folder.join(name).into_os_string();
        assert_eq!(scene.done(&options(&["read".as_ref(), &path(&second, "file")]), ""), b"second");
        assert_eq!(scene.done(&options(&["read".as_ref(), &path(&reference, "deep/file")]), ""), b"reference");
        scene.done(&options(&["write".as_ref(), &path(&build, "old")]), "new");
        scene.done(&options(&["rename".as_ref(), &path(&build, "old"), &path(&second, "moved")]), "");
        scene.done(&options(&["mkdir".as_ref(), &path(&build, "folder")]), "");
        scene.done(&options(&["remove".as_ref(), &path(&build, "folder")]), "");
        let outcome = scene.run(&options(&["write".as_ref(), &path(&reference, "deep/file")]), "evil");
        assert_eq!(outcome.status, 77, "{}", outcome.err);
        assert_eq!(fs::read(second.join("moved")).unwrap(), b"new");
        assert_eq!(fs::read(scene.path("../outside/secret")).unwrap(), CANARY.as_bytes());
    });
}
