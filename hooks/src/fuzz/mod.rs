//! What must hold for whatever a client, a model or a sandbox sends: checked by the fuzzer (`tests/fuzz`), and by the tests on
//! every input that it once found. In no shipped program.

mod payload;
mod quoting;

use std::path::Path;

pub use payload::payload;
pub use quoting::quoting;

/// What a sandboxed shell reports becomes an existing folder within the workspace, or nothing.
pub fn folder_report(data: &[u8]) {
    let workspace = Path::new("/usr/lib");
    for report in [data, &[b"/usr/lib/", data].concat(), &[b"/usr/lib/", data, b"\n"].concat()] {
        let mut said = Vec::new();
        crate::directory::relay(workspace, report, &mut said);
        if let Ok(text) = std::str::from_utf8(&said)
            && !text.is_empty()
        {
            assert!(!text.contains(['\n', '\0']), "{text:?} is more than one path");
            let folder = Path::new(text);
            assert!(folder.is_dir() && folder.starts_with(workspace.canonicalize().unwrap_or_default()), "{text}");
        }
    }
}

#[cfg(test)]
mod tests;
