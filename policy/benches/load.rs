//! What every call pays for its policy: the built-in profile with a user's file of 100 lines.
#![allow(missing_docs, reason = "criterion's macro makes a public function")]

use std::hint::black_box;
use std::io;
use std::path::{Path, PathBuf};

use criterion::{Criterion, criterion_group, criterion_main};
use lobsterpot_policy::{Access, FileFacts, Judge, LoadRequest, Places, Reader, load};

/// One file in memory.
struct Memory(Vec<u8>);

impl Reader for Memory {
    fn read(&self, path: &Path) -> io::Result<Option<FileFacts>> {
        let (bytes, resolved_path) = (self.0.clone(), path.to_path_buf());
        Ok(Some(FileFacts { bytes, mode: 0o600, uid: 1000, resolved_path, symlink: false, parents: Vec::new() }))
    }
}

/// A hundred lines of the kind that users write.
fn user_file() -> String {
    let mut text = String::from("profile = \"agent\"\n[files]\nread = [\n");
    (0..30).for_each(|n| text.push_str(&format!("  \"~/tools/number-{n}\", # a tool\n")));
    text.push_str("]\nmask = [\n");
    (0..30)
        .for_each(|n| text.push_str(&format!("  {{ path = \"~/projects/*/private-{n}\", reason = \"private\" }},\n")));
    text.push_str("]\n[environment]\npass = [\n");
    (0..17).for_each(|n| text.push_str(&format!("  \"VARIABLE_{n}\",\n")));
    text.push_str("]\n[network]\nmode = \"allowlist\"\nallow = [\n");
    (0..8).for_each(|n| text.push_str(&format!("  \"host-{n}.example.com:443\",\n")));
    text.push_str("]\n[limits]\nmemory = \"4GiB\"\n");
    text
}

/// Measures loading with and without the file, and resolving for one host.
fn bench(criterion: &mut Criterion) {
    let places =
        Places { home: "/home/me".into(), uid: 1000, workspaces: vec!["/home/me/work".into()], ..Places::default() };
    let text = user_file();
    assert_eq!(text.lines().count(), 100);
    let reader = Memory(text.into_bytes());
    let bare = LoadRequest { places: places.clone(), ..LoadRequest::default() };
    let with_file =
        LoadRequest { user: Some(PathBuf::from("/home/me/.config/lobsterpot/policy.toml")), ..bare.clone() };
    let policy = match load(&with_file, &reader) {
        Ok(policy) => policy,
        Err(error) => panic!("the benchmark's policy is not valid: {error}"),
    };
    criterion.bench_function("load/built-in", |bencher| bencher.iter(|| load(black_box(&bare), &reader)));
    criterion
        .bench_function("load/built-in + 100 lines", |bencher| bencher.iter(|| load(black_box(&with_file), &reader)));
    criterion.bench_function("judge/new", |bencher| bencher.iter(|| Judge::new(black_box(&policy), &places)));
    let file = Path::new("/home/me/work/src/main.rs");
    criterion.bench_function("judge/new and one path", |bencher| {
        bencher.iter(|| Judge::new(black_box(&policy), &places).path(file, Access::Write));
    });
}

criterion_group!(benches, bench);
criterion_main!(benches);
