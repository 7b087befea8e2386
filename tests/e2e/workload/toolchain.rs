//! The Rust toolchain, for tests that compile with it.

use crate::harness::Scene;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The toolchain that builds this very test, or `$LOBSTERPOT_TOOLCHAIN`: a copy of it on the file system of the scenes, which can be linked
/// there.
pub(crate) fn place() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("LOBSTERPOT_TOOLCHAIN") {
        return Some(PathBuf::from(named));
    }
    let output = Command::new("rustc").args(["--print", "sysroot"]).output().ok()?;
    let place = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    place.join("bin/cargo").is_file().then_some(place)
}

/// Gives the scene's user a toolchain of their own, by hard links where that is possible.
pub(crate) fn install(scene: &Scene, toolchain: &Path) -> PathBuf {
    let place = scene.at_home(".rustup/toolchains/e2e");
    scene.mkdir(&place);
    for part in ["bin", "lib"] {
        let linked = ["-al", "-a"].iter().any(|how| {
            // What the first try has left.
            drop(std::fs::remove_dir_all(place.join(part)));
            Command::new("cp")
                .arg(how)
                .args([toolchain.join(part), place.join(part)])
                .status()
                .is_ok_and(|status| status.success())
        });
        assert!(linked, "the toolchain cannot be copied");
    }
    place.join("bin")
}

/// A search path in which the toolchain that [`install`] gave to a scene comes first.
pub(crate) fn search_path(scene: &Scene) -> String {
    format!("{}:{}", scene.at_home(".rustup/toolchains/e2e/bin").display(), crate::harness::SEARCH_PATH)
}
