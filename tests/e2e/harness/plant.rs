//! The throw-away home: what an agent's host has lying about, every secret being the scene's canary.

use super::canary::Canary;
use super::identity::Identity;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Secrets in a home that the default profile must keep, by path.
pub(crate) const SECRETS: &[&str] = &[
    ".ssh/id_ed25519",
    ".aws/credentials",
    ".config/gcloud/credentials.db",
    ".azure/accessTokens.json",
    ".kube/config",
    ".docker/config.json",
    ".config/gh/hosts.yml",
    ".netrc",
    ".npmrc",
    ".pypirc",
    ".git-credentials",
    ".config/git/credentials",
    ".password-store/mail.gpg",
    ".gnupg/private-keys-v1.d/key.key",
    ".cargo/credentials.toml",
    ".local/share/keyrings/login.keyring",
    ".mozilla/firefox/abc.default/logins.json",
    ".config/google-chrome/Default/Login Data",
    ".bash_history",
    ".zsh_history",
    ".python_history",
    ".node_repl_history",
    ".openclaw/openclaw.json",
    ".openclaw/.env",
    ".openclaw/credentials/telegram.json",
    ".claude/.credentials.json",
    ".claude.json",
    ".codex/auth.json",
    ".gemini/oauth_creds.json",
    ".env",
    "code/.env",
    "secrets/api.key",
];

/// Environment variables of an agent's process that a command has no use for.
pub(crate) const TOKENS: &[&str] = &[
    "ANTHROPIC_API_KEY",
    "OPENAI_API_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "NPM_TOKEN",
    "TELEGRAM_BOT_TOKEN",
    "DATABASE_URL",
    "CLAUDE_CODE_MESSAGING_TOKEN",
];

/// Writes a file and the folders above it.
#[track_caller]
pub(crate) fn file(path: &Path, content: &str) {
    let folder = path.parent().expect("a file lies in a folder");
    fs::create_dir_all(folder).expect("folders can be made");
    fs::write(path, content).unwrap_or_else(|error| panic!("cannot plant {}: {error}", path.display()));
}

/// Writes a file and the folders above it, and hands over what was made.
#[track_caller]
pub(crate) fn file_of(identity: Identity, path: &Path, content: &str) {
    let above: Vec<&Path> = path.ancestors().skip(1).take_while(|folder| !folder.exists()).collect();
    file(path, content);
    above.into_iter().chain([path]).for_each(|place| identity.own(place));
}

/// Writes a program.
pub(crate) fn program(path: &Path, content: &str) {
    file(path, content);
    fs::set_permissions(path, Permissions::from_mode(0o755)).expect("its mode");
}

/// Fills a home, with a workspace at `code/project` in it, and hands it to the user.
pub(crate) fn home(home: &Path, canary: &Canary, identity: Identity) {
    for secret in SECRETS {
        file(&home.join(secret), &format!("secret={canary}\n"));
    }
    for (name, content) in [
        (".bashrc", "# the shell's start\n"),
        (".profile", "# the login's start\n"),
        (".gitconfig", "[user]\n\tname = Pat Example\n\temail = pat@example.org\n[init]\n\tdefaultBranch = main\n"),
        (".ssh/authorized_keys", "# nobody\n"),
        (".openclaw/workspace/notes.md", "notes\n"),
        (".config/systemd/user/agent.service", "[Service]\nExecStart=/bin/true\n"),
        ("code/project/README.md", "a project\n"),
    ] {
        file(&home.join(name), content);
    }
    for folder in [".cache", ".local/bin", ".config/autostart"] {
        fs::create_dir_all(home.join(folder)).expect("folders can be made");
    }
    fs::set_permissions(home.join(".ssh"), Permissions::from_mode(0o700)).expect("its mode");
    own_all(home, identity);
}

/// Hands a whole tree over.
pub(crate) fn own_all(top: &Path, identity: Identity) {
    identity.own(top);
    for entry in fs::read_dir(top).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            own_all(&entry.path(), identity);
        } else {
            identity.own(&entry.path());
        }
    }
}
