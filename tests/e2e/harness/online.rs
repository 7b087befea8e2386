//! Attacks on the way out: each first succeeds bare in the suite's own internet, then must fail in the sandbox, and be
//! recorded: in the run's report and in the audit log.

use super::attempt::{Attempt, TRIES, must_fail_sandboxed, must_succeed_bare};
use super::internet::internet;
use super::ways::Way;
use super::{Identity, Outcome, Run, Scene, host};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// A policy that allows these hosts.
pub(crate) fn policy(allow: &[&str]) -> String {
    let hosts: Vec<String> = allow.iter().map(|host| format!("\"{host}\"")).collect();
    format!("[network]\nmode = \"allowlist\"\nallow = [{}]\n", hosts.join(", "))
}

/// Makes this the policy of the scene's user; whether that is possible. Without root the internet lies in a user namespace in which
/// root's folders belong to nobody, so that no policy file is believed: options take its place, and they know no tables.
pub(crate) fn set_policy(scene: &Scene, policy: &str) -> bool {
    if nix::unistd::getuid().is_root() {
        scene.write(&scene.at_home(".config/lobsterpot/policy.toml"), policy);
        return true;
    }
    let expressible = !policy.contains('{');
    if expressible {
        *scene.policy.borrow_mut() = options(policy);
    } else {
        eprintln!("NOTE: a policy with tables needs a file, and none is believed in a user namespace");
    }
    expressible
}

/// The launcher's options that say the same as a policy file of these tests; the first two are the network's mode.
fn options(policy: &str) -> Vec<OsString> {
    let mut options = host::words(&["--net", "allowlist"]);
    for line in policy.lines() {
        let option = if line.starts_with("deny") { "--deny-host" } else { "--allow-host" };
        if line.starts_with("deny") || line.starts_with("allow") {
            options.extend(line.split('"').skip(1).step_by(2).flat_map(|rule| host::words(&[option, rule])));
        } else if line == "proxy = true" {
            options.push("--proxy".into());
        }
    }
    options
}

/// Tricks that are tried one after the other, in one shell each: bare first, then in one sandbox.
pub(crate) struct Tricks<'a> {
    /// The policy of the sandbox.
    policy: String,
    /// Shell commands, which print the canary when they succeed, and what is recorded when they do not.
    tricks: Vec<(&'a str, &'a str)>,
    /// Why they cannot succeed bare, if they cannot.
    not_bare: Option<&'a str>,
    /// Whether only root can succeed bare.
    only_root: bool,
    /// A file of the workspace that holds the canary.
    canary_in: Option<&'a str>,
    /// What is put into the workspace.
    files: Vec<(&'a str, &'a str)>,
}

impl<'a> Tricks<'a> {
    /// Tricks against a policy that allows these hosts.
    pub(crate) fn new(allow: &[&str], tricks: &[(&'a str, &'a str)]) -> Self {
        Self {
            policy: policy(allow),
            tricks: tricks.to_vec(),
            not_bare: None,
            only_root: false,
            canary_in: None,
            files: vec![],
        }
    }

    /// The same against a policy whose `allow` is this.
    pub(crate) fn allowing(mut self, allow: &str) -> Self {
        self.policy = format!("[network]\nmode = \"allowlist\"\nallow = {allow}");
        self
    }

    /// A file of the workspace that holds the canary, for tricks whose success is something else than a text that came.
    pub(crate) fn canary_in(mut self, name: &'a str) -> Self {
        self.canary_in = Some(name);
        self
    }

    /// More lines of the policy's `[network]`.
    pub(crate) fn policy(mut self, more: &str) -> Self {
        self.policy.push_str(more);
        self
    }

    /// A file of the workspace.
    pub(crate) fn file(mut self, name: &'a str, content: &'a str) -> Self {
        self.files.push((name, content));
        self
    }

    /// They cannot succeed bare.
    pub(crate) fn never_bare(mut self, why: &'a str) -> Self {
        self.not_bare = Some(why);
        self
    }

    /// They cannot succeed bare for an ordinary user.
    pub(crate) fn bare_only_as_root(mut self) -> Self {
        self.only_root = true;
        self
    }

    /// Asserts all of it, for everybody the suite can be.
    #[track_caller]
    pub(crate) fn are_refused(&self) {
        for identity in Identity::all() {
            let can_succeed = self.not_bare.is_none() && (identity.is_root() || !self.only_root);
            if can_succeed && !self.must_succeed_bare(identity) {
                return;
            }
            if host::only_bare() {
                continue;
            }
            for way in Way::ALL {
                let Some(walker) = way.walker(identity) else { continue };
                let Some(scene) = self.scene(walker) else { return };
                if set_policy(&scene, &self.policy) {
                    self.must_fail_sandboxed(&scene, way);
                }
            }
        }
    }

    /// A scene with the files.
    fn scene(&self, identity: Identity) -> Option<Scene> {
        let scene = Scene::online(identity)?;
        self.files.iter().for_each(|(name, content)| scene.write(&scene.at_work(name), content));
        if let Some(name) = self.canary_in {
            scene.write(&scene.at_work(name), scene.canary.text());
        }
        Some(scene)
    }

    /// One script of all tricks, with a line before each that does not stand in the script itself.
    fn script(&self) -> Run {
        let mut script = String::from(
            "attack() { ~/.local/bin/attack \"$@\"; }\nexport CURL_CA_BUNDLE=\"$PWD/ca.pem\" SSL_CERT_FILE=\"$PWD/ca.pem\"\n",
        );
        for (index, (command, _)) in self.tricks.iter().enumerate() {
            script.push_str(&format!("echo \"==\"\"= {index}\"\n( {command}\n) </dev/null 2>&1\n"));
        }
        script.push_str("echo \"==\"\"= over\"; exit 0\n");
        Run::shell(&script)
    }

    /// Asserts that every single trick succeeds bare, in one of some tries: programs give up after some seconds, and a busy machine may
    /// take these. Whether there are scenes to try them in.
    #[track_caller]
    fn must_succeed_bare(&self, identity: Identity) -> bool {
        let mut left: BTreeMap<usize, String> = (0..self.tricks.len()).map(|index| (index, String::new())).collect();
        for _ in 0..TRIES {
            let Some(scene) = self.scene(identity) else { return false };
            let outcome = scene.bare(&self.script());
            let out = outcome.out();
            assert!(out.contains("=== over"), "{outcome}");
            for (index, part) in out.split("=== ").skip(1).enumerate().take(self.tricks.len()) {
                if part.contains(scene.canary.text()) {
                    left.remove(&index);
                } else if let Some(said) = left.get_mut(&index) {
                    part.clone_into(said);
                }
            }
            if left.is_empty() {
                return true;
            }
        }
        let tricks: Vec<_> = left.iter().map(|(index, said)| (self.tricks.get(*index), said)).collect();
        panic!("must succeed bare, or they show nothing: {tricks:#?}");
    }

    /// Asserts that none of them succeeds in the sandbox, and that each is recorded.
    #[track_caller]
    fn must_fail_sandboxed(&self, scene: &Scene, way: Way) {
        let outcome = match way.run(scene, &self.script()) {
            Ok(outcome) => outcome,
            Err(why) => return eprintln!("NOTE: not tried {}: {why}", way.name()),
        };
        assert!(outcome.out().contains("=== over"), "not all of it was tried: {outcome}");
        for (part, (command, _)) in outcome.out().split("=== ").skip(1).zip(&self.tricks) {
            assert!(
                !part.contains(scene.canary.text()),
                "this succeeded {} as {}: {command}: {outcome}",
                way.name(),
                scene.identity.name()
            );
        }
        let recorded = self.tricks.iter().filter(|_| has_the_policy(way));
        recorded.for_each(|(_, recorded)| must_be_recorded(scene, &outcome, recorded));
    }
}

/// Whether a run in this way has the network that the test's policy describes, so that it is known what is recorded. Without namespaces
/// there is none at all; and a hook passes no options on, which stand for the policy where no file is believed.
fn has_the_policy(way: Way) -> bool {
    match way {
        Way::Launcher => true,
        Way::Hook => nix::unistd::getuid().is_root(),
        Way::WithoutNamespaces => false,
    }
}

/// Everything in the audit log of the scene's user.
pub(crate) fn audit_log(scene: &Scene) -> String {
    let mut text = String::new();
    let mut folders = vec![scene.at_home(".local/state/lobsterpot")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(entry.path());
            } else {
                text.push_str(&read(&entry.path()));
            }
        }
    }
    text
}

/// A file as text, whatever is in it.
fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}

/// Asserts that the report and the audit log speak of a refusal.
#[track_caller]
pub(crate) fn must_be_recorded(scene: &Scene, outcome: &Outcome, what: &str) {
    if what.is_empty() {
        return;
    }
    let err = outcome.err();
    // The report names a few, and counts the others.
    let names = |said: &str| said.contains(what) || said.contains("more: lobsterpot log");
    let reported = err.split("sandbox-exec: ").skip(1).any(names);
    assert!(reported, "{what} is not in the report: {outcome}");
    let log = audit_log(scene);
    assert!(log.contains(what), "{what} is not in the audit log: {log}\n{outcome}");
}

/// One attempt of another kind, in every way into the sandbox, with a policy that allows these hosts.
#[track_caller]
pub(crate) fn escape_online(allow: &[&str], recorded: &str, attempt: impl Fn(&mut Scene) -> Attempt) {
    for identity in Identity::all() {
        if !must_succeed_bare(identity, &Scene::online, &attempt) {
            return;
        }
        if host::only_bare() {
            continue;
        }
        let with_policy = |walker| {
            Scene::online(walker).inspect(|scene| {
                set_policy(scene, &policy(allow));
            })
        };
        for way in Way::ALL {
            let Some(walker) = way.walker(identity) else { continue };
            let made = must_fail_sandboxed(walker, way, &with_policy, &attempt);
            if let Some((scene, outcome)) = made.filter(|_| has_the_policy(way)) {
                must_be_recorded(&scene, &outcome, recorded);
            }
        }
    }
}

/// Whether the internet hears all of these words in one line, given time.
pub(crate) fn heard(words: &[&str]) -> bool {
    let deadline = Instant::now() + Duration::from_secs(30);
    while Instant::now() < deadline {
        if internet().is_some_and(|internet| internet.heard(words)) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

/// Whether the internet has heard nothing in which all of these words stand.
pub(crate) fn never_heard(words: &[&str]) -> bool {
    // What is on its way arrives in a moment.
    std::thread::sleep(Duration::from_millis(100));
    internet().is_some_and(|internet| !internet.heard(words))
}

/// The processes of egress that belong to a scene.
pub(crate) fn egress_of(scene: &Scene) -> Vec<nix::unistd::Pid> {
    let mut found = vec![];
    for entry in fs::read_dir("/proc").expect("processes").flatten() {
        let program = fs::read_link(entry.path().join("exe")).unwrap_or_default();
        let number = entry.file_name().to_string_lossy().parse().ok();
        if program.starts_with(&scene.root) && program.ends_with("lobsterpot-egress") {
            found.extend(number.map(nix::unistd::Pid::from_raw));
        }
    }
    found
}
