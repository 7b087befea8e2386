//! A throw-away home with a workspace, and commands run there, bare and sandboxed.

use super::canary::Canary;
use super::identity::Identity;
use super::internet::{Internet, internet};
use super::outcome::{self, Outcome};
use super::run::Run;
use super::service::Service;
use super::victim::Victim;
use super::{host, leftovers, plant};
use std::cell::RefCell;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Something to do at the end of a scene.
type Last = Box<dyn FnOnce(&Scene)>;

/// One throw-away world.
pub(crate) struct Scene {
    /// Who acts in it.
    pub(crate) identity: Identity,
    /// The secret text in every planted secret.
    pub(crate) canary: Canary,
    /// Its home folder.
    pub(crate) home: PathBuf,
    /// Its workspace, `~/code/project`.
    pub(crate) workspace: PathBuf,
    /// The folder of everything.
    pub(crate) root: PathBuf,
    /// Listeners that live as long as the scene.
    pub(crate) services: Vec<Service>,
    /// A process to attack, once asked for.
    pub(crate) victim: Option<Victim>,
    /// Files and folders outside of the scene, removed at its end.
    outside: Vec<PathBuf>,
    /// Folders of the system that it has made for these, removed when nobody else has anything in them.
    made: Vec<PathBuf>,
    /// What is to be done at the end.
    last: Vec<Last>,
    /// A supplementary group of the scene's user.
    group: Option<u32>,
    /// The internet that its commands are run in, instead of this machine's own network.
    internet: Option<&'static Internet>,
    /// The launcher's options that stand for a policy file, where none would be believed.
    pub(super) policy: RefCell<Vec<OsString>>,
    /// The folder's owner; removed last.
    _folder: tempfile::TempDir,
}

impl Scene {
    /// A fresh scene for somebody.
    pub(crate) fn new(identity: Identity) -> Self {
        Self::with(identity, Canary::random(), None)
    }

    /// A fresh scene in a folder of this name, so that another one after it can lie at the same place.
    pub(crate) fn called(identity: Identity, name: &str) -> Self {
        Self::with(identity, Canary::random(), Some(name))
    }

    /// One whose commands are run in the suite's own internet, with its canary; none where that cannot be made.
    pub(crate) fn online(identity: Identity) -> Option<Self> {
        Self::online_at(identity, None)
    }

    /// The same in a folder of this name.
    pub(crate) fn online_called(identity: Identity, name: &str) -> Option<Self> {
        Self::online_at(identity, Some(name))
    }

    /// A scene online.
    fn online_at(identity: Identity, name: Option<&str>) -> Option<Self> {
        let internet = internet()?;
        let mut scene = Self::with(identity, internet.canary.clone(), name);
        scene.internet = Some(internet);
        scene.write(&scene.at_work("ca.pem"), &internet.file("ca.pem"));
        Some(scene)
    }

    /// A fresh scene with a secret text, in a folder of this name.
    fn with(identity: Identity, canary: Canary, name: Option<&str>) -> Self {
        let mut builder = tempfile::Builder::new();
        match name {
            Some(name) => builder.prefix(name).rand_bytes(0),
            None => builder.prefix("lobsterpot-e2e-"),
        };
        let folder = builder.tempdir_in(host::scenes()).expect("a folder");
        let root = folder.path().to_path_buf();
        fs::set_permissions(&root, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("its mode");
        let home = root.join("home");
        plant::home(&home, &canary, identity);
        let workspace = home.join("code/project");
        let scene = Self {
            identity,
            canary,
            home,
            workspace,
            root,
            services: vec![],
            victim: None,
            outside: vec![],
            made: vec![],
            last: vec![],
            group: None,
            internet: None,
            policy: RefCell::default(),
            _folder: folder,
        };
        put(Path::new(env!("CARGO_BIN_EXE_attack")), &scene.attack());
        scene
    }

    /// The helper that makes the raw attempts: one of the user's own tools.
    pub(crate) fn attack(&self) -> PathBuf {
        self.home.join(".local/bin/attack")
    }

    /// A shipped binary, where the scene's user can run it, with the way out that the launcher starts beside it.
    pub(crate) fn binary(&self, name: &str) -> PathBuf {
        let place = self.root.join("shipped").join(name);
        if !place.exists() {
            fs::create_dir_all(self.root.join("shipped")).expect("a folder");
            put(&host::binary(name), &place);
            // Once only: a test may take it away again.
            if name == "sandbox-exec" {
                self.binary("lobsterpot-egress");
            }
        }
        place
    }

    /// A path in the home.
    pub(crate) fn at_home(&self, name: &str) -> PathBuf {
        self.home.join(name)
    }

    /// A path in the workspace.
    pub(crate) fn at_work(&self, name: &str) -> PathBuf {
        self.workspace.join(name)
    }

    /// Writes a file of the scene for its user.
    pub(crate) fn write(&self, path: &Path, content: &str) {
        plant::file_of(self.identity, path, content);
    }

    /// Makes a folder of the scene for its user.
    pub(crate) fn mkdir(&self, path: &Path) {
        let above: Vec<&Path> = path.ancestors().take_while(|folder| !folder.exists()).collect();
        fs::create_dir_all(path).expect("folders can be made");
        above.into_iter().for_each(|place| self.identity.own(place));
    }

    /// Writes a secret outside of the scene; it goes with the scene.
    pub(crate) fn plant_outside(&mut self, path: &Path) -> PathBuf {
        plant::file(path, &format!("secret={}\n", self.canary));
        self.identity.own(path);
        self.goes_away(path);
        path.to_path_buf()
    }

    /// Has something outside of the scene removed with it.
    pub(crate) fn goes_away(&mut self, path: &Path) {
        self.outside.push(path.to_path_buf());
    }

    /// Makes a folder of the system where there is none, for as long as anybody has something in it.
    pub(crate) fn needs_folder(&mut self, path: &Path) {
        if !path.is_dir() {
            fs::create_dir_all(path).expect("a folder");
            self.made.push(path.to_path_buf());
        }
    }

    /// Has something done at the scene's end.
    pub(crate) fn at_end(&mut self, last: impl FnOnce(&Self) + 'static) {
        self.last.push(Box::new(last));
    }

    /// Gives the scene's user, who is not the test's, a supplementary group.
    pub(crate) fn act_with_group(&mut self, group: u32) {
        self.group = Some(group);
    }

    /// That group.
    pub(super) fn group(&self) -> Option<u32> {
        self.group
    }

    /// A process outside to attack.
    pub(crate) fn victim(&mut self) -> &mut Victim {
        let open = self.at_home(".ssh/id_ed25519");
        let program = self.attack();
        self.victim.get_or_insert_with(|| Victim::start(self.identity, &program, &self.root, self.canary.text(), &open))
    }

    /// The whole command line.
    fn command(&self, run: &Run, launcher: Option<&Path>) -> Command {
        let folder = run.folder.as_ref().unwrap_or(&self.workspace);
        let enters = if run.outer_changes_user { self.identity.of_the_test() } else { self.identity };
        let mut words = self.internet.map_or_else(Vec::new, |internet| internet.enter(enters, folder));
        words.extend(self.group.iter().filter(|_| !run.outer_changes_user).flat_map(|group| {
            let id = self.identity.id;
            host::words(&[
                "setpriv".to_owned(),
                format!("--reuid={id}"),
                format!("--regid={id}"),
                format!("--groups={group}"),
            ])
        }));
        words.extend(run.outer.iter().cloned());
        if let Some(launcher) = launcher {
            words.push(launcher.into());
            for workspace in run.workspaces.as_ref().unwrap_or(&vec![self.workspace.clone()]) {
                words.extend(["--workspace".into(), workspace.into()]);
            }
            let policy = self.policy.borrow();
            let chosen = run.flags.iter().any(|flag| flag == "--net");
            words.extend(policy.iter().skip(if chosen { 2 } else { 0 }).cloned());
            words.extend(run.flags.iter().cloned());
            words.push("--".into());
        }
        words.extend(run.argv.iter().cloned());
        let mut command = Command::new(words.first().expect("a command"));
        command.args(words.iter().skip(1)).env_clear().envs(self.environment());
        command.envs(run.environment.iter().map(|(name, value)| (name, value)));
        command.current_dir(folder).stdin(Stdio::null());
        if self.group.is_none() && self.internet.is_none() && !run.outer_changes_user {
            self.identity.apply(&mut command);
        }
        command
    }

    /// The environment of everything that runs here: an agent's, tokens and all.
    pub(crate) fn environment(&self) -> Vec<(&'static str, OsString)> {
        let mut variables: Vec<(&'static str, OsString)> =
            plant::TOKENS.iter().map(|name| (*name, self.canary.text().into())).collect();
        let mut path = OsString::from(self.home.join(".local/bin"));
        path.push(":");
        path.push(host::SEARCH_PATH);
        variables.extend([
            ("HOME", self.home.clone().into()),
            ("PATH", path),
            ("LANG", "C.UTF-8".into()),
            ("TERM", "xterm".into()),
            ("USER", "pat".into()),
            ("LOGNAME", "pat".into()),
        ]);
        variables
    }

    /// Runs a command without any sandbox.
    #[track_caller]
    pub(crate) fn bare(&self, run: &Run) -> Outcome {
        outcome::run(&mut self.command(run, None), run.input.as_deref())
    }

    /// Runs a command under the launcher.
    #[track_caller]
    pub(crate) fn sandboxed(&self, run: &Run) -> Outcome {
        outcome::run(&mut self.command(run, Some(&self.binary("sandbox-exec"))), run.input.as_deref())
    }

    /// The command line of a command without any sandbox, to be run by whoever wants to.
    pub(crate) fn bare_command(&self, run: &Run) -> Command {
        self.command(run, None)
    }

    /// The command line of a command under the launcher, to be run by whoever wants to.
    pub(crate) fn sandboxed_command(&self, run: &Run) -> Command {
        self.command(run, Some(&self.binary("sandbox-exec")))
    }

    /// Starts a command under the launcher and does not wait for it.
    pub(crate) fn start_sandboxed(&self, run: &Run) -> Child {
        outcome::start(&mut self.command(run, Some(&self.binary("sandbox-exec"))), run.input.as_deref())
    }

    /// Every name below the workspace, sorted: to see what a run left behind.
    pub(crate) fn names_at_work(&self) -> Vec<PathBuf> {
        let mut names = Vec::new();
        let mut folders = vec![self.workspace.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("a folder").flatten() {
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push(entry.path());
                }
                names.push(entry.path().strip_prefix(&self.workspace).expect("below the workspace").to_path_buf());
            }
        }
        names.sort();
        names
    }
}

/// Puts a program somewhere, readable and executable by all, owned by the test's user. Another process copies it: were
/// the new file open for writing here while another test forks, it could not be run ("text file busy").
pub(crate) fn put(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("--no-preserve=all").arg("--").args([from, to]).status();
    assert!(copied.is_ok_and(|status| status.success()), "cannot copy {} to {}", from.display(), to.display());
    fs::set_permissions(to, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("its mode");
}

impl Drop for Scene {
    fn drop(&mut self) {
        for last in std::mem::take(&mut self.last) {
            last(self);
        }
        self.victim = None;
        self.services.clear();
        for place in &self.outside {
            if fs::remove_file(place).is_err() {
                drop(fs::remove_dir_all(place));
            }
        }
        for folder in &self.made {
            // Another scene may use it, too.
            drop(fs::remove_dir(folder));
        }
        if std::thread::panicking() {
            leftovers::end(&self.root);
        }
        let gone = leftovers::wait_until_gone(&self.root);
        if !std::thread::panicking() {
            assert_eq!(gone, Ok(()), "the scene must leave nothing behind");
        }
    }
}

/// Runs a test in a fresh scene online for each user that the suite can be.
#[track_caller]
pub(crate) fn each_online(test: impl Fn(&mut Scene)) {
    for mut scene in Identity::all().into_iter().filter_map(Scene::online) {
        eprintln!("online as {}:", scene.identity.name());
        test(&mut scene);
    }
}

/// Runs a test in a fresh scene for each user that the suite can be.
#[track_caller]
pub(crate) fn each_scene(test: impl Fn(&mut Scene)) {
    for identity in Identity::all() {
        eprintln!("as {}:", identity.name());
        test(&mut Scene::new(identity));
    }
}
