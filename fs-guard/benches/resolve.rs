//! What a hook pays for one check, and what each further check costs.
#![allow(missing_docs, reason = "criterion's macro makes a public function")]

use std::ffi::OsStr;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use lobsterpot_fs_guard::guard::{Guard, HomeSource, Options, Request};
use lobsterpot_policy::Access;

/// Measures loading with one check, and checks by a guard that is loaded.
fn bench(criterion: &mut Criterion) {
    let scene = tempfile::tempdir_in("/var").or_else(|_| tempfile::tempdir());
    let Ok(scene) = scene else { return };
    let work = scene.path().join("work");
    let file = work.join("src/deep/er/file.rs");
    if let Some(folder) = file.parent() {
        assert!(std::fs::create_dir_all(folder).is_ok() && std::fs::write(&file, "x").is_ok());
    }
    let options = Options {
        workspaces: vec![work.clone()],
        directory: work.clone(),
        home: HomeSource::Environment,
        ..Options::default()
    };
    let check = |guard: &Guard, path: &OsStr, access| guard.resolve(path, &Request::new(access)).is_ok();
    criterion.bench_function("load", |bencher| bencher.iter(|| Guard::load(black_box(&options)).is_ok()));
    criterion.bench_function("load and check", |bencher| {
        bencher
            .iter(|| Guard::load(black_box(&options)).is_ok_and(|guard| check(&guard, file.as_os_str(), Access::Read)))
    });
    let Ok(guard) = Guard::load(&options) else { return };
    // A folder that has just been changed is looked at again each time.
    std::thread::sleep(std::time::Duration::from_millis(100));
    for (name, path, access) in [
        ("check/read in the workspace", file.as_os_str(), Access::Read),
        ("check/new file", OsStr::new("src/new.rs"), Access::Write),
        ("check/system", OsStr::new("/usr/bin/env"), Access::Read),
        ("check/refused", OsStr::new("/root/.ssh/id"), Access::Read),
    ] {
        criterion.bench_function(name, |bencher| bencher.iter(|| check(&guard, black_box(path), access)));
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
