//! A machine of the suite's own: systemd as process 1, in namespaces and a control group that go with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::harness::{self, binary, require};

/// What the machine does before systemd begins.
const PREPARE: &str = include_str!("machine.sh");

/// How long it may take to start, or to reach a state.
const PATIENCE: Duration = Duration::from_secs(240);

/// The machine; it ends when dropped.
#[derive(Debug)]
pub(super) struct Machine {
    /// `unshare`, whose child is the machine's process 1.
    launcher: Child,
    /// Process 1, as the host numbers it.
    first: String,
    /// The control group.
    group: PathBuf,
    /// Files that go with it.
    _folder: tempfile::TempDir,
}

/// Where control groups of version 2 are, when they are.
fn control_groups() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let line = mounts.lines().find(|line| line.contains(" - cgroup2 "))?;
    line.split(' ').nth(4).map(PathBuf::from)
}

/// Whether such a machine can be made here; says so when not.
pub(super) fn is_possible() -> bool {
    if !nix::unistd::getuid().is_root() {
        harness::skip("only root can start a systemd of its own");
        return false;
    }
    if !Path::new("/lib/systemd/systemd").is_file() {
        harness::skip("systemd is not installed");
        return false;
    }
    if control_groups().is_none() {
        harness::skip("there are no control groups of version 2");
        return false;
    }
    require(&["unshare", "nsenter", "setpriv", "systemctl", "systemd-creds"])
}

impl Machine {
    /// Starts one that a script has prepared, and waits until it has started everything.
    pub(super) fn start(prepare: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("lobsterpot-machine-").tempdir().expect("a folder");
        let name = folder.path().file_name().expect("a name");
        let group = control_groups().expect("control groups").join(name);
        fs::create_dir(&group).expect("a control group");
        let script = format!(
            "echo $$ >{}/cgroup.procs; exec unshare --pid --fork --kill-child --mount --ipc --uts --net --cgroup sh -c \"$0\" machine \"$@\"",
            group.display()
        );
        let launcher = Command::new("sh")
            .args(["-c", &script, PREPARE])
            .args([binary("lobsterpot-vault").as_os_str(), folder.path().as_os_str(), prepare.as_ref()])
            .env_clear()
            .env("PATH", harness::SEARCH_PATH)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.path().join("stderr")).expect("a file"))
            .spawn()
            .expect("unshare starts");
        let mut machine = Self { launcher, first: String::new(), group, _folder: folder };
        machine.wait_until_started();
        machine
    }

    /// Waits for process 1 to have come to its target.
    fn wait_until_started(&mut self) {
        let (launcher, since) = (self.launcher.id(), Instant::now());
        loop {
            let ended = self.launcher.try_wait().expect("its state");
            let said = fs::read_to_string(self._folder.path().join("stderr")).unwrap_or_default();
            assert!(ended.is_none(), "the machine ended: {ended:?} {said}");
            let children = fs::read_to_string(format!("/proc/{launcher}/task/{launcher}/children")).unwrap_or_default();
            if let Some(first) = children.split_whitespace().next() {
                self.first = first.to_owned();
                let is_systemd =
                    fs::read_to_string(format!("/proc/{first}/comm")).is_ok_and(|name| name.trim() == "systemd");
                if is_systemd
                    && self
                        .output("systemctl is-system-running")
                        .is_some_and(|state| state == "running" || state == "degraded")
                {
                    return;
                }
            }
            assert!(since.elapsed() < PATIENCE, "the machine does not start: {said}");
            sleep(Duration::from_millis(50));
        }
    }

    /// Runs a script inside, as root.
    fn enter(&self, script: &str) -> Output {
        let mut command = Command::new("timeout");
        command.args(["240", "nsenter", "-t", &self.first, "-a", "--", "/bin/sh", "-c", script]);
        command.env_clear().env("PATH", format!("/run/test:{}", harness::SEARCH_PATH)).stdin(Stdio::null());
        command.output().expect("nsenter starts")
    }

    /// What a script prints, its end trimmed; none when it prints nothing.
    fn output(&self, script: &str) -> Option<String> {
        let text = String::from_utf8_lossy(&self.enter(script).stdout).trim_end().to_owned();
        Some(text).filter(|text| !text.is_empty())
    }

    /// Runs a script that must succeed; what it prints.
    #[track_caller]
    pub(super) fn run(&self, script: &str) -> String {
        let output = self.enter(script);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        assert!(
            output.status.success(),
            "{script}: {} {} {}",
            output.status,
            text(&output.stdout),
            text(&output.stderr)
        );
        text(&output.stdout)
    }

    /// Whether a script fails.
    pub(super) fn fails(&self, script: &str) -> bool {
        !self.enter(script).status.success()
    }

    /// The state of a unit.
    pub(super) fn state(&self, unit: &str) -> String {
        self.output(&format!("systemctl show -P ActiveState {unit}")).unwrap_or_default()
    }

    /// How the vault's unit ended, to be told when it should have started.
    pub(super) fn ending(&self) -> String {
        let show = "systemctl show -P Result -P ExecMainStatus lobsterpot-vault.service run-lobsterpot.mount";
        let again =
            "$(systemctl show -P ExecStart lobsterpot-vault.service | sed 's/.*argv\\[\\]=\\([^;]*\\);.*/\\1/') 2>&1";
        self.output(&format!("{show}; {again}")).unwrap_or_default()
    }

    /// The state of a unit of Pat's manager.
    pub(super) fn state_of_pats(&self, unit: &str) -> String {
        self.output(&format!("as-pat systemctl --user show -P ActiveState {unit}")).unwrap_or_default()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // With process 1 everything in its namespaces ends.
        drop(self.launcher.kill());
        drop(self.launcher.wait());
        let since = Instant::now();
        while !remove(&self.group) && since.elapsed() < PATIENCE {
            sleep(Duration::from_millis(20));
        }
        if !std::thread::panicking() {
            assert!(!self.group.exists(), "the machine must leave no control group behind");
        }
    }
}

/// Removes a control group and those below it.
fn remove(group: &Path) -> bool {
    let below = fs::read_dir(group).into_iter().flatten().flatten().filter(|entry| entry.path().is_dir());
    for entry in below {
        remove(&entry.path());
    }
    fs::remove_dir(group).is_ok()
}
