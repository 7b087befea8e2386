//! Runs the inputs of `tests/fuzz/inputs` through their target. Part of each crate that has targets, and only of its tests.

use std::path::Path;

/// Every input of the target `name`, and some that every target must stand.
pub(crate) fn replay(name: &str, target: impl Fn(&[u8])) {
    for plain in [&b""[..], b"\0", b"\n", b"\xff\xfe", b"{}", b"[]", b"null", &[0; 300], &[0xff; 300], &[b'['; 5000]] {
        target(plain);
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/inputs").join(name);
    let entries = std::fs::read_dir(&folder).into_iter().flatten();
    for entry in entries {
        let path = entry.expect("an entry").path();
        println!("{}", path.display());
        target(&std::fs::read(&path).expect("a readable input"));
    }
}
