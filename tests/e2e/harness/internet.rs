//! An internet of the suite's own: `tests/world`, two machines in namespaces made for it. What is run online is run on the
//! first one; the second one has every other address there is, and nothing leaves them.

use super::canary::Canary;
use super::{Identity, host};
use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// What it is made with.
const TOOLS: &[&str] = &["ip", "mount", "unshare", "nsenter", "python3", "openssl", "git", "setpriv"];

/// The internet, once for all tests of a process. It ends, and removes its folder, when this process does: its stdin ends.
#[derive(Debug)]
pub(crate) struct Internet {
    /// The process whose namespaces are to be entered.
    keeper: Child,
    /// Its certificate authority, its log, the key for its ssh server.
    folder: PathBuf,
    /// What comes from wherever nobody is allowed to go.
    pub(crate) canary: Canary,
    /// The optional servers that it has.
    found: Vec<String>,
}

/// The internet, or a loud skip where it cannot be made.
pub(crate) fn internet() -> Option<&'static Internet> {
    static INTERNET: OnceLock<Internet> = OnceLock::new();
    host::require(TOOLS).then(|| INTERNET.get_or_init(Internet::start))
}

impl Internet {
    /// Makes the namespaces and starts the servers.
    fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("lobsterpot-e2e-net-").tempdir_in(host::scenes());
        let folder = folder.expect("a folder").keep();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("its mode");
        let canary = Canary::random();
        let mut command = Command::new("unshare");
        let own = nix::unistd::getuid();
        if !own.is_root() {
            command.arg("--map-root-user").env("WORLD_UID", own.to_string());
        }
        command.args(["--net", "--mount", "--pid", "--fork", "--kill-child", "/usr/bin/python3", "-B"]);
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("world")).arg(&folder).arg(canary.text());
        let mut keeper = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("unshare starts");
        let mut line = String::new();
        let said = BufReader::new(keeper.stdout.take().expect("stdout is piped")).read_line(&mut line);
        let found: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        assert!(said.is_ok() && found.first().is_some_and(|word| word == "READY"), "the internet does not start");
        Self { keeper, folder, canary, found }
    }

    /// The words that run a command there, in a folder, as somebody.
    pub(crate) fn enter(&self, identity: Identity, folder: &Path) -> Vec<OsString> {
        let pid = self.keeper.id().to_string();
        let mut words = host::words(&["nsenter", "--target", &pid, "--net", "--mount"]);
        let id = identity.id;
        if !nix::unistd::getuid().is_root() {
            words.extend(host::words(&["--user", "--preserve-credentials"]));
        }
        words.extend([OsString::from("env"), "-C".into(), folder.into()]);
        if identity.changes() {
            let options = [format!("--reuid={id}"), format!("--regid={id}"), "--clear-groups".to_owned()];
            words.push("setpriv".into());
            words.extend(host::words(&options));
        } else if !identity.is_root() {
            // Root in the internet's user namespace becomes the user again that it is outside.
            let group = nix::unistd::getgid();
            let options = ["--user".to_owned(), format!("--map-user={id}"), format!("--map-group={group}")];
            words.push("unshare".into());
            words.extend(host::words(&options));
        }
        words
    }

    /// Whether it has an optional server: `ssh` or `h2`; says so when not.
    pub(crate) fn has(&self, server: &str) -> bool {
        let has = self.found.iter().any(|found| found == server);
        if !has {
            host::skip(&format!("the internet has no {server} (tests/packages.txt names the packages)"));
        }
        has
    }

    /// A file of its own: `ca.pem`, the `user` key for ssh, `user.name`.
    pub(crate) fn file(&self, name: &str) -> String {
        let place = self.folder.join(name);
        fs::read_to_string(&place).unwrap_or_else(|error| panic!("{}: {error}", place.display()))
    }

    /// Where the repository lies that its ssh server serves.
    pub(crate) fn repository(&self) -> PathBuf {
        self.folder.join("git/project.git")
    }

    /// Whether a line of its log holds all of these words: what really arrived.
    pub(crate) fn heard(&self, words: &[&str]) -> bool {
        self.file("log").lines().any(|line| words.iter().all(|word| line.contains(word)))
    }
}
