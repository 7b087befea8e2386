//! One piece of honest work: what it is, what it needs, and the comparison of both runs.

use super::tree::Tree;
use crate::harness::{Identity, Outcome, Run, Scene, host, require};
use std::io::Write;

/// The environment variable that names a file: then declarations are written there, and nothing is run.
pub(super) const DECLARE: &str = "LOBSTERPOT_DECLARE";

/// Makes the world of a workload ready, the same for every run.
type Prepare = Box<dyn Fn(&mut Scene)>;

/// What is looked at after a run, bare and sandboxed.
type Afterwards = Box<dyn Fn(&mut Scene, &Outcome)>;

/// One piece of work, and what becomes of it in the sandbox. [`Workload::holds`] runs it and holds it to that.
pub(crate) struct Workload {
    /// What is done, for a person.
    title: String,
    /// Programs of the system that it takes.
    tools: Vec<&'static str>,
    /// Whether it is run in the suite's own internet.
    online: bool,
    /// Users whom the passwd file does not know are left out.
    only_known_users: bool,
    /// Root is left out.
    not_as_root: bool,
    /// What is made ready first.
    prepare: Prepare,
    /// The command.
    run: Box<dyn Fn(&Scene) -> Run>,
    /// What it needs besides the default profile.
    needs: Vec<Need>,
    /// Why it cannot work, and words of what it then says.
    cannot: Option<(&'static str, &'static str)>,
    /// Words of what it says without what it needs.
    refused: &'static str,
    /// Names of files whose content is not the same in two bare runs.
    varies: Vec<&'static str>,
    /// Names that are not the same in two bare runs, or why the sandbox leaves them out.
    comes_and_goes: Vec<&'static str>,
    /// Why standard output is not the same in two bare runs, if it is not.
    output_varies: bool,
    /// What differs from the bare run, for a person.
    note: &'static str,
    /// What is looked at after each run.
    afterwards: Afterwards,
}

/// Something that a workload needs of the policy or of the launcher.
enum Need {
    /// Lines of a policy file, and why.
    Policy(&'static str, &'static str),
    /// Options of the launcher, and why.
    Options(&'static [&'static str], &'static str),
}

/// How one run went.
#[derive(Debug)]
struct Went {
    /// The command's end.
    outcome: Outcome,
    /// What it left.
    tree: Tree,
}

#[allow(dead_code, reason = "work online, which uses the rest, follows")]
impl Workload {
    /// Work for `/bin/sh`, which must end with status 0.
    pub(crate) fn shell(title: &str, script: &str) -> Self {
        let run = Run::shell(script);
        Self::new(title, move |_| run.clone())
    }

    /// Work by any command, which must end with status 0.
    pub(crate) fn new(title: &str, run: impl Fn(&Scene) -> Run + 'static) -> Self {
        Self {
            title: title.to_owned(),
            tools: vec![],
            online: false,
            only_known_users: false,
            not_as_root: false,
            prepare: Box::new(|_| {}),
            run: Box::new(run),
            needs: vec![],
            cannot: None,
            refused: "",
            varies: vec![],
            comes_and_goes: vec![],
            output_varies: false,
            note: "",
            afterwards: Box::new(|_, _| {}),
        }
    }

    /// Programs of the system that it takes; without one it is skipped, loudly.
    pub(crate) fn tools(mut self, tools: &[&'static str]) -> Self {
        self.tools.extend(tools);
        self
    }

    /// What is made ready first, for each run anew.
    pub(crate) fn prepare(mut self, prepare: impl Fn(&mut Scene) + 'static) -> Self {
        self.prepare = Box::new(prepare);
        self
    }

    /// What is made ready after what was named before.
    pub(crate) fn also_prepare(mut self, then: impl Fn(&mut Scene) + 'static) -> Self {
        let before = self.prepare;
        self.prepare = Box::new(move |scene| {
            before(scene);
            then(scene);
        });
        self
    }

    /// Runs it in the suite's own internet.
    pub(crate) fn online(mut self) -> Self {
        self.online = true;
        self
    }

    /// Leaves out users whom the passwd file does not know: some programs refuse to start for them.
    pub(crate) fn only_known_users(mut self) -> Self {
        self.only_known_users = true;
        self
    }

    /// Leaves out root, as whom it does not work without a sandbox either.
    pub(crate) fn not_as_root(mut self) -> Self {
        self.not_as_root = true;
        self
    }

    /// Lines of the policy without which it is refused, and why they are needed. Dotted keys, so that they fit in a table.
    pub(crate) fn needs_policy(mut self, lines: &'static str, why: &'static str) -> Self {
        self.needs.push(Need::Policy(lines, why));
        self
    }

    /// Options of the launcher without which it does not work (`--profile dev`, `--keep`), and why.
    pub(crate) fn needs_options(mut self, options: &'static [&'static str], why: &'static str) -> Self {
        self.needs.push(Need::Options(options, why));
        self
    }

    /// Words that must stand in what is printed when what it needs is missing: from these somebody can go on.
    pub(crate) fn refused_with(mut self, words: &'static str) -> Self {
        self.refused = words;
        self
    }

    /// It cannot work in any profile, why, and words that it must print then.
    pub(crate) fn cannot(mut self, why: &'static str, words: &'static str) -> Self {
        self.cannot = Some((why, words));
        self
    }

    /// Names (with `*` for any characters) whose content is not compared, since two bare runs differ there already.
    pub(crate) fn content_varies(mut self, names: &[&'static str]) -> Self {
        self.varies.extend(names);
        self
    }

    /// Names that are left out of the comparison, since two bare runs differ there, or as the note says.
    pub(crate) fn without_names(mut self, names: &[&'static str]) -> Self {
        self.comes_and_goes.extend(names);
        self
    }

    /// Standard output is not compared, since two bare runs differ there already.
    pub(crate) fn output_varies(mut self) -> Self {
        self.output_varies = true;
        self
    }

    /// What a person should know about a difference from the bare run.
    pub(crate) fn note(mut self, note: &'static str) -> Self {
        self.note = note;
        self
    }

    /// What is asserted after each run, bare and sandboxed, besides what is compared.
    pub(crate) fn afterwards(mut self, check: impl Fn(&mut Scene, &Outcome) + 'static) -> Self {
        self.afterwards = Box::new(check);
        self
    }

    /// Runs it bare and in the sandbox for everybody the suite can be, and asserts that it is as declared.
    #[track_caller]
    pub(crate) fn holds(&self) {
        if let Some(file) = std::env::var_os(DECLARE) {
            return self.declare(file.as_ref());
        }
        if require(&self.tools) {
            let identities = if self.only_known_users { Identity::all_known() } else { Identity::all() };
            let identities = identities.into_iter().filter(|identity| !(self.not_as_root && identity.is_root()));
            identities.for_each(|identity| self.holds_for(identity));
        }
    }

    /// The same for one user.
    #[track_caller]
    fn holds_for(&self, identity: Identity) {
        let name = identity.name();
        let place = format!("lobsterpot-e2e-{}", crate::harness::canary::random_name());
        let Some(bare) = self.go(identity, &place, None) else { return };
        assert_eq!(bare.outcome.status, 0, "bare as {name}: {}", bare.outcome);
        if host::only_bare() {
            return;
        }
        if let Some((_, words)) = self.cannot {
            let Some(inside) = self.go(identity, &place, Some(false)) else { return };
            return assert_refused(&inside.outcome, words, name);
        }
        if !self.needs.is_empty() {
            let Some(without) = self.go(identity, &place, Some(false)) else { return };
            assert_refused(&without.outcome, self.refused, name);
        }
        let Some(inside) = self.go(identity, &place, Some(true)) else { return };
        self.compare(&bare, &inside, name);
    }

    /// Asserts that both runs ended alike.
    #[track_caller]
    fn compare(&self, bare: &Went, inside: &Went, name: &str) {
        assert_eq!(inside.outcome.status, 0, "in the sandbox as {name}: {}", inside.outcome);
        let differences = inside.tree.differences(&bare.tree);
        let few: Vec<&String> = differences.iter().take(10).collect();
        let count = differences.len();
        assert!(count == 0, "{count} other files (inside / bare) as {name}: {few:#?}\n{}", inside.outcome);
        if !self.output_varies {
            assert_eq!(inside.outcome.out(), bare.outcome.out(), "other output as {name}: {}", inside.outcome);
        }
        let said = inside.outcome.err();
        assert!(!said.contains("sandbox-exec: "), "something was refused all the same, as {name}: {said}");
    }

    /// One run in a fresh scene at a place of this name: bare, or in the sandbox with or without what it needs.
    #[track_caller]
    fn go(&self, identity: Identity, place: &str, with_needs: Option<bool>) -> Option<Went> {
        let mut scene =
            if self.online { Scene::online_called(identity, place)? } else { Scene::called(identity, place) };
        (self.prepare)(&mut scene);
        let mut run = (self.run)(&scene);
        if with_needs == Some(true) {
            run = self.with_needs(&scene, run)?;
        } else if self.cannot.is_some() {
            // The widest of the built-in profiles.
            run = run.flags(&["--profile", "dev"]);
        }
        let outcome = if with_needs.is_some() { scene.sandboxed(&run) } else { scene.bare(&run) };
        if with_needs != Some(false) {
            (self.afterwards)(&mut scene, &outcome);
        }
        Some(Went { outcome, tree: Tree::of(&scene.workspace, &self.varies, &self.comes_and_goes) })
    }

    /// Puts what it needs into the policy of the scene's user and before the command; nothing where that is impossible.
    fn with_needs(&self, scene: &Scene, mut run: Run) -> Option<Run> {
        let mut policy = String::new();
        for need in &self.needs {
            match need {
                Need::Policy(lines, _) => policy.extend([*lines, "\n"]),
                Need::Options(options, _) => run = run.flags(options),
            }
        }
        if policy.is_empty() {
            return Some(run);
        }
        if self.online && !nix::unistd::getuid().is_root() {
            host::skip("no policy file is believed in the user namespace in which an ordinary user's internet lies");
            return None;
        }
        scene.write(&scene.at_home(".config/lobsterpot/policy.toml"), &policy);
        Some(run)
    }

    /// Writes down what it is, for the table.
    fn declare(&self, file: &std::path::Path) {
        let thread = std::thread::current();
        let test = thread.name().unwrap_or_default().trim_start_matches("workload::");
        let needs: Vec<serde_json::Value> = self.needs.iter().map(Need::declaration).collect();
        let line = serde_json::json!({
            "test": test, "title": self.title, "needs": needs, "note": self.note,
            "cannot": self.cannot.map(|(why, _)| why), "says": self.cannot.map_or(self.refused, |(_, words)| words),
        });
        let mut file = std::fs::File::options().append(true).open(file).expect("the file of declarations");
        file.write_all(format!("{line}\n").as_bytes()).expect("a line is written");
    }
}

impl Need {
    /// What the table says of it: words and the reason.
    fn declaration(&self) -> serde_json::Value {
        match self {
            Self::Policy(lines, why) => serde_json::json!({ "lines": lines.lines().collect::<Vec<_>>(), "why": why }),
            Self::Options(options, why) => serde_json::json!({ "lines": [options.join(" ")], "why": why }),
        }
    }
}

/// Asserts that a run was refused, in words from which somebody can go on.
#[track_caller]
fn assert_refused(outcome: &Outcome, words: &str, name: &str) {
    assert!(!words.is_empty(), "what does a refusal say?");
    assert_ne!(outcome.status, 0, "should not have worked as {name}: {outcome}");
    let said = outcome.out() + &outcome.err();
    assert!(said.contains(words), "a refusal that does not say {words:?}, as {name}: {outcome}");
}
