//! Which editor, and with which options it keeps no copies: no backup, no swap file, no undo file, no history.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use thiserror::Error;

use crate::deliver::run::Program;
use crate::exit::Exit;
use crate::failure::Explain;
use crate::sys;

/// The editors that are looked for when none is named.
const USUAL: [&str; 4] = ["editor", "nano", "vim", "vi"];

/// Why nothing could be edited.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EditorError {
    /// There is no editor.
    #[error("there is no editor{}", named.as_ref().map(|name| format!(" {}", name.display())).unwrap_or_default())]
    None {
        /// The one that was named.
        named: Option<PathBuf>,
    },
    /// It did not start.
    #[error("failed to start {}: {source}", program.display())]
    Start {
        /// The editor.
        program: PathBuf,
        /// The kernel's reason.
        source: std::io::Error,
    },
    /// It ended with an error.
    #[error("{} ended with {status}", program.display())]
    Failed {
        /// The editor.
        program: PathBuf,
        /// How it ended.
        status: std::process::ExitStatus,
    },
}

impl Explain for EditorError {
    fn exit(&self) -> Exit {
        match self {
            Self::None { .. } | Self::Start { .. } => Exit::Unavailable,
            Self::Failed { .. } => Exit::Lacking,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::None { .. } | Self::Start { .. } => "name an editor in VISUAL or EDITOR".to_owned(),
            Self::Failed { .. } => "nothing was changed".to_owned(),
        })
    }
}

/// What is known about an editor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Vim, also in small, and Neovim.
    Vim,
    /// Vim with windows.
    Gvim,
    /// GNU nano.
    Nano,
    /// Emacs; not `emacsclient`, whose server decides.
    Emacs,
    /// Visual Studio Code and what is made of it.
    Code,
    /// Helix, which keeps no copies.
    Helix,
    /// Micro.
    Micro,
    /// Something else.
    Unknown,
}

/// An editor, with the options that the caller wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Editor {
    /// The program, as it was found.
    program: PathBuf,
    /// The options of `VISUAL` or `EDITOR`.
    options: Vec<OsString>,
    /// What is known about it.
    pub kind: Kind,
}

impl Editor {
    /// The editor that `visual` or else `editor` name, split at blanks without a shell; or else the first of a fixed list. `find` looks
    /// programs up.
    ///
    /// # Errors
    /// When there is none.
    pub fn choose(
        visual: Option<OsString>,
        editor: Option<OsString>,
        find: impl Fn(&OsStr) -> Option<PathBuf>,
    ) -> Result<Self, EditorError> {
        let is_blank = |text: &OsString| text.as_bytes().trim_ascii().is_empty();
        let Some(line) = visual.filter(|text| !is_blank(text)).or_else(|| editor.filter(|text| !is_blank(text))) else {
            let found = USUAL.iter().find_map(|name| find(OsStr::new(name)));
            return Ok(Self::new(found.ok_or(EditorError::None { named: None })?, Vec::new()));
        };
        let words = line.as_bytes().split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let mut words = words.map(|word| OsStr::from_bytes(word).to_os_string());
        let name = words.next().unwrap_or_default();
        let found = find(&name).ok_or_else(|| EditorError::None { named: Some(PathBuf::from(&name)) })?;
        Ok(Self::new(found, words.collect()))
    }

    /// The editor that the environment names.
    ///
    /// # Errors
    /// When there is none.
    pub fn of_caller() -> Result<Self, EditorError> {
        let path = std::env::var_os("PATH");
        let find = |name: &OsStr| Program::find(name, path.as_deref()).ok().map(|found| found.path().to_path_buf());
        Self::choose(std::env::var_os("VISUAL"), std::env::var_os("EDITOR"), find)
    }

    /// This program, known by its real name: `vi` and `editor` are often links.
    fn new(program: PathBuf, options: Vec<OsString>) -> Self {
        let real = fs::canonicalize(&program).unwrap_or_else(|_| program.clone());
        let kind = kind(&real.file_name().unwrap_or_default().to_string_lossy());
        Self { program, options, kind }
    }

    /// Its arguments, to edit `file` in `folder`, where it may keep what it needs.
    #[must_use]
    pub fn arguments(&self, folder: &Path, file: &Path) -> Vec<OsString> {
        let fixed: &[&str] = match self.kind {
            Kind::Vim | Kind::Gvim => VIM,
            Kind::Nano => &["--ignorercfiles"],
            Kind::Emacs => EMACS,
            Kind::Code => &["--wait", "--new-window", "--disable-extensions", "--user-data-dir"],
            Kind::Micro => MICRO,
            Kind::Helix | Kind::Unknown => &[],
        };
        let mut arguments = self.options.clone();
        if self.kind == Kind::Gvim {
            // It would go to the background otherwise.
            arguments.push("-f".into());
        }
        arguments.extend(fixed.iter().map(OsString::from));
        if self.kind == Kind::Code {
            arguments.push(folder.join("data").into_os_string());
        }
        arguments.push(file.as_os_str().to_os_string());
        arguments
    }

    /// Lets a person edit `file`, and waits until they are done. The identity's variable is not for editors.
    ///
    /// # Errors
    /// When the editor does not start, or ends with an error.
    pub fn edit(&self, folder: &Path, file: &Path) -> Result<(), EditorError> {
        let program = || self.program.clone();
        let mut command = Command::new(&self.program);
        command.args(self.arguments(folder, file)).env_remove("CREDENTIALS_DIRECTORY").env("TMPDIR", folder);
        let started =
            command.status().or_else(|error| if sys::give_up_locks() { command.status() } else { Err(error) });
        let status = started.map_err(|source| EditorError::Start { program: program(), source })?;
        if status.success() { Ok(()) } else { Err(EditorError::Failed { program: program(), status }) }
    }
}

/// What an editor of this name is.
fn kind(name: &str) -> Kind {
    match name {
        "nvim" | "view" | "vi.improved" => Kind::Vim,
        "gvim" | "gview" | "mvim" | "vim.gtk" | "vim.gtk3" => Kind::Gvim,
        "nano" | "rnano" | "pico" => Kind::Nano,
        "code" | "code-insiders" | "code-oss" | "codium" | "vscodium" | "cursor" | "windsurf" => Kind::Code,
        "hx" | "helix" => Kind::Helix,
        "micro" => Kind::Micro,
        _ if name == "vim" || name.starts_with("vim.") || name.starts_with("vim-") => Kind::Vim,
        _ if name == "emacs" || name.starts_with("emacs-") => Kind::Emacs,
        _ => Kind::Unknown,
    }
}

/// Vim: neither swap file (`-n`) nor history (`-i`); the rest is set before the file is read, after its own settings, and once more.
const VIM: &[&str] = &[
    "-n",
    "-i",
    "NONE",
    "--cmd",
    "set nobackup nowritebackup noundofile",
    "--cmd",
    "autocmd BufReadPre * setlocal nomodeline noswapfile noundofile",
    "-c",
    "set nobackup nowritebackup noundofile",
];

/// Emacs: no backup, no automatic saving and no list of it, no lock, no histories. Modes that are not on are not even loaded.
const EMACS: &[&str] = &[
    "--eval",
    "(setq make-backup-files nil auto-save-default nil auto-save-list-file-prefix nil create-lockfiles nil \
     undo-tree-auto-save-history nil)",
    "--eval",
    "(dolist (mode '(auto-save-visited-mode savehist-mode desktop-save-mode recentf-mode undo-fu-session-global-mode)) \
     (and (boundp mode) (symbol-value mode) (funcall mode -1)))",
];

/// Micro: no backup, no histories.
const MICRO: &[&str] = &[
    "-backup",
    "false",
    "-permbackup",
    "false",
    "-savehistory",
    "false",
    "-saveundo",
    "false",
    "-savecursor",
    "false",
];

#[cfg(test)]
mod tests {
    use std::ffi::{OsStr, OsString};
    use std::path::{Path, PathBuf};

    use super::{Editor, EditorError, Kind, kind};

    /// The editor for `VISUAL` and `EDITOR` on a host that has these.
    ///
    /// # Errors
    /// As for [`Editor::choose`].
    fn choose(visual: Option<&str>, editor: Option<&str>, has: &[&str]) -> Result<Editor, EditorError> {
        let find = |name: &OsStr| has.iter().find(|known| **known == name).map(|name| Path::new("/none").join(name));
        Editor::choose(visual.map(OsString::from), editor.map(OsString::from), find)
    }

    #[test]
    fn what_is_named_wins_and_is_not_read_by_a_shell() {
        let found = choose(Some("emacs -nw  $(x)"), Some("vi"), &["emacs", "vi"]).unwrap();
        assert_eq!((found.program, found.kind), (PathBuf::from("/none/emacs"), Kind::Emacs));
        assert_eq!(found.options, ["-nw", "$(x)"]);
        assert_eq!(choose(Some(" "), Some("vim"), &["vim"]).unwrap().kind, Kind::Vim);
        assert_eq!(choose(None, None, &["vi", "nano"]).unwrap().kind, Kind::Nano);
        assert!(matches!(choose(Some("ed"), None, &["vi"]), Err(EditorError::None { named: Some(_) })));
        assert!(matches!(choose(None, None, &[]), Err(EditorError::None { named: None })));
    }

    #[test]
    fn editors_are_known_by_their_names() {
        for (name, expected) in [
            ("vim.basic", Kind::Vim),
            ("vim.tiny", Kind::Vim),
            ("nvim", Kind::Vim),
            ("vim.gtk3", Kind::Gvim),
            ("nano", Kind::Nano),
            ("emacs-gtk", Kind::Emacs),
            ("emacsclient", Kind::Unknown),
            ("code", Kind::Code),
            ("busybox", Kind::Unknown),
            ("vimtutor", Kind::Unknown),
        ] {
            assert_eq!(kind(name), expected, "{name}");
        }
    }

    #[test]
    fn the_file_comes_last_and_copies_stay_in_the_folder() {
        let code = choose(Some("code"), None, &["code"]).unwrap();
        let arguments = code.arguments(Path::new("/f"), Path::new("/f/x"));
        assert_eq!(arguments.last(), Some(&OsString::from("/f/x")));
        assert!(arguments.contains(&OsString::from("/f/data")));
    }
}
