//! The plugins that are written for clients which run plugins: carried in the program, so that one file installs them.

/// A file of a plugin: its path in the plugin's folder, and its text.
pub(crate) type Asset = (&'static str, &'static str);

/// Names a file of the OpenClaw plugin.
macro_rules! openclaw {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../../openclaw-plugin/", $path)))),*]
    };
}

/// The OpenClaw plugin.
pub(crate) const OPENCLAW: &[Asset] = openclaw![
    "index.mjs",
    "lib/audit.mjs",
    "lib/backend.mjs",
    "lib/backends.mjs",
    "lib/bridge.mjs",
    "lib/cleanup.mjs",
    "lib/environment.mjs",
    "lib/frames.mjs",
    "lib/guard.mjs",
    "lib/hook.mjs",
    "lib/launcher.mjs",
    "lib/policy.mjs",
    "lib/programs.mjs",
    "lib/rewrites.mjs",
    "lib/run.mjs",
    "lib/settings.mjs",
    "lib/skills.mjs",
    "lib/workspaces.mjs",
    "openclaw.plugin.json",
    "package.json",
    "vault.mjs",
];

/// The plugin for opencode, with a placeholder for the programs' folder.
pub(crate) const OPENCODE: &str = include_str!("../../../opencode-plugin/lobsterpot.js");

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::OPENCLAW;

    #[test]
    fn every_file_of_the_openclaw_plugin_is_carried() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("openclaw-plugin");
        let mut found = BTreeSet::new();
        for inner in ["", "lib"] {
            for entry in fs::read_dir(folder.join(inner)).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_file() {
                    found.insert(entry.path().strip_prefix(&folder).unwrap().to_str().unwrap().to_owned());
                }
            }
        }
        assert_eq!(OPENCLAW.iter().map(|(path, _)| (*path).to_owned()).collect::<BTreeSet<_>>(), found);
    }
}
