//! Which fields of which client's file tools name files, and what is done to them. All of it is data.
//!
//! Clients accept several names for the same field, and more of them from version to version. So a tool has a kind, a kind has
//! fields with all names that were ever seen, and every one that a call carries is judged.

use crate::client::Client;

/// What is done to what a field names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// Its content is read.
    Read,
    /// It is made, changed or removed.
    Write,
    /// Its entries are listed.
    List,
    /// Everything below it is read.
    Search,
    /// It is a pattern, and what it matches below the call's folder is listed.
    Match,
    /// It is a pattern, and what it matches below the call's folder is read.
    ReadMatch,
    /// It narrows a search down, as `ripgrep --glob` does.
    Filter,
    /// It is a patch that names files.
    Patch,
}

/// A field of a tool's input.
#[derive(Debug)]
pub(super) struct Slot {
    /// The names that it has had. Each that is there counts.
    pub(super) names: &'static [&'static str],
    /// What is done to what it names.
    pub(super) used: Use,
    /// Whether a call without it cannot be understood.
    pub(super) required: bool,
    /// Whether it may hold a list.
    pub(super) many: bool,
}

/// What a file tool does, in terms of its fields.
#[derive(Debug)]
pub(super) struct Shape {
    /// The fields that are known.
    pub(super) slots: &'static [Slot],
    /// What is done to what any other field names, should its name say that it is a path.
    pub(super) rest: Use,
}

/// Names of a field that holds one file.
const FILE: &[&str] =
    &["file_path", "filePath", "path", "notebook_path", "notebookPath", "absolute_path", "filename", "file"];

/// Names of a field that holds a folder, or several.
const FOLDER: &[&str] =
    &["path", "paths", "dir_path", "dirPath", "directory", "dir", "target_directory", "search_path"];

/// Names of a field that narrows a search to some files.
const FILTER: &[&str] = &["glob", "globs", "include", "include_pattern", "includePattern", "file_pattern"];

/// Reads one file.
const READ: Shape =
    Shape { slots: &[Slot { names: FILE, used: Use::Read, required: true, many: false }], rest: Use::Read };

/// Changes one file.
const WRITE: Shape =
    Shape { slots: &[Slot { names: FILE, used: Use::Write, required: true, many: false }], rest: Use::Write };

/// Lists a folder; the call's own when none is named.
const LIST: Shape =
    Shape { slots: &[Slot { names: FOLDER, used: Use::List, required: false, many: true }], rest: Use::List };

/// Finds files by pattern.
const GLOB: Shape = Shape {
    slots: &[
        Slot { names: FOLDER, used: Use::List, required: false, many: true },
        Slot { names: &["pattern", "patterns", "glob_pattern"], used: Use::Match, required: true, many: true },
    ],
    rest: Use::List,
};

/// Searches the content of files.
const GREP: Shape = Shape {
    slots: &[
        Slot { names: FOLDER, used: Use::Search, required: false, many: true },
        Slot { names: FILTER, used: Use::Filter, required: false, many: true },
    ],
    rest: Use::Read,
};

/// Reads all files that patterns match.
const READ_MANY: Shape = Shape {
    slots: &[Slot { names: &["include", "paths"], used: Use::ReadMatch, required: true, many: true }],
    rest: Use::Read,
};

/// Changes the files that a patch names.
const PATCH: Shape = Shape {
    slots: &[Slot {
        names: &["command", "input", "patch", "patchText", "patch_text"],
        used: Use::Patch,
        required: true,
        many: false,
    }],
    rest: Use::Write,
};

/// The shapes of a client's tools.
const fn shapes(client: Client) -> &'static [(&'static str, Shape)] {
    match client {
        Client::ClaudeCode => CLAUDE_CODE,
        Client::Codex => &[("apply_patch", PATCH), ("view_image", READ)],
        Client::Gemini => GEMINI,
        Client::Copilot => COPILOT,
        Client::Opencode => OPENCODE,
        Client::Cursor => &[("Read", READ), ("TabRead", READ), ("Write", WRITE), ("Grep", GREP), ("Delete", WRITE)],
        Client::Cline => CLINE,
        Client::OpenClaw => &[("read", READ), ("write", WRITE), ("edit", WRITE), ("apply_patch", PATCH), ("ls", LIST)],
    }
}

/// Claude Code's tools, those of older versions included.
const CLAUDE_CODE: &[(&str, Shape)] = &[
    ("Read", READ),
    ("Edit", WRITE),
    ("MultiEdit", WRITE),
    ("Write", WRITE),
    ("NotebookEdit", WRITE),
    ("NotebookRead", READ),
    ("Glob", GLOB),
    ("Grep", GREP),
    ("LS", LIST),
];

/// Gemini CLI's tools.
const GEMINI: &[(&str, Shape)] = &[
    ("read_file", READ),
    ("read_many_files", READ_MANY),
    ("write_file", WRITE),
    ("replace", WRITE),
    ("glob", GLOB),
    ("grep_search", GREP),
    ("grep_search_ripgrep", GREP),
    ("search_file_content", GREP),
    ("list_directory", LIST),
];

/// Copilot CLI's tools, under both of its events.
const COPILOT: &[(&str, Shape)] = &[
    ("view", READ),
    ("create", WRITE),
    ("edit", WRITE),
    ("glob", GLOB),
    ("grep", GREP),
    ("Read", READ),
    ("Write", WRITE),
    ("Edit", WRITE),
    ("Glob", GLOB),
    ("Grep", GREP),
];

/// opencode's tools.
const OPENCODE: &[(&str, Shape)] = &[
    ("read", READ),
    ("write", WRITE),
    ("edit", WRITE),
    ("multiedit", WRITE),
    ("glob", GLOB),
    ("grep", GREP),
    ("list", LIST),
    ("patch", PATCH),
    ("apply_patch", PATCH),
];

/// Cline's tools.
const CLINE: &[(&str, Shape)] = &[
    ("read_file", READ),
    ("write_to_file", WRITE),
    ("replace_in_file", WRITE),
    ("search_files", GREP),
    ("list_files", LIST),
    ("list_code_definition_names", LIST),
];

/// What `tool` of `client` does with files; `None` for a tool that only the policy calls a file tool.
pub(super) fn shape(client: Client, tool: &str) -> Option<&'static Shape> {
    shapes(client).iter().find(|(name, _)| *name == tool).map(|(_, shape)| shape)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use lobsterpot_policy::{LoadRequest, SystemReader, load};

    use super::*;

    #[test]
    fn every_file_tool_of_the_built_in_policy_has_a_shape_and_the_other_way_round() {
        let policy = load(&LoadRequest::default(), &SystemReader).unwrap();
        for client in Client::ALL {
            let known: BTreeSet<&str> = shapes(client).iter().map(|(name, _)| *name).collect();
            let listed = &policy.tools.get(client.name()).unwrap().file;
            assert_eq!(known, listed.iter().map(String::as_str).collect(), "{client}");
        }
    }
}
