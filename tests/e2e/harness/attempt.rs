//! An attack that first succeeds bare, and then must fail in the sandbox.

use super::identity::Identity;
use super::outcome::Outcome;
use super::run::Run;
use super::scene::Scene;
use super::ways::Way;
use super::{host, plant, table};
use std::ffi::OsString;
use std::path::Path;
use std::time::{Duration, Instant};

/// How often what must succeed is tried, each time in a scene of its own: on a busy machine a race is lost now and then.
pub(super) const TRIES: usize = 4;
/// How long an effect that must show may take to.
const PATIENCE: Duration = Duration::from_secs(10);

/// How success shows.
type Success = Box<dyn Fn(&mut Scene, &Outcome) -> bool>;

/// For whom an attack cannot succeed bare, and why.
type NotBare = (fn(Identity) -> bool, String);

/// One attack, ready to run.
pub(crate) struct Attempt {
    /// The command.
    run: Run,
    /// What on stdout shows that it started at all.
    started: &'static str,
    /// Whether it succeeded.
    success: Success,
    /// Why it cannot succeed bare, if it cannot, for somebody.
    not_bare: Option<NotBare>,
    /// The ways into the sandbox in which it cannot be tried, and why.
    not_by: Vec<(Way, String)>,
    /// Whether the launcher may refuse to start at all, with this status.
    may_refuse: Option<i32>,
    /// Whether "this kernel has no such thing" is an answer.
    kernel_may_lack_it: bool,
}

impl Attempt {
    /// One of the helper's raw attempts; it succeeds by saying `GOT`.
    pub(crate) fn attack<T: Into<OsString> + Clone>(scene: &Scene, words: &[T]) -> Self {
        let mut run = Run::new(&[scene.attack()]);
        run.argv.extend(host::words(words));
        let success: Success = Box::new(|_, outcome| outcome.status == 0 && outcome.out().contains("GOT "));
        Self {
            run,
            started: "TRY ",
            success,
            not_bare: None,
            not_by: vec![],
            may_refuse: None,
            kernel_may_lack_it: false,
        }
    }

    /// A shell script; it succeeds when the scene's canary is in what it prints.
    pub(crate) fn shell(script: &str) -> Self {
        let run = Run::shell(&format!("echo STARTED; {script}"));
        Self {
            run,
            started: "STARTED",
            success: Box::new(leaked),
            not_bare: None,
            not_by: vec![],
            may_refuse: None,
            kernel_may_lack_it: false,
        }
    }

    /// The command and what is around it.
    pub(crate) fn run(&self) -> Run {
        self.run.clone()
    }

    /// Changes what is around the command.
    pub(crate) fn with(mut self, change: impl FnOnce(Run) -> Run) -> Self {
        self.run = change(self.run);
        self
    }

    /// Succeeds when the canary is in what it prints.
    pub(crate) fn leaks(mut self) -> Self {
        self.success = Box::new(leaked);
        self
    }

    /// Succeeds by an effect on the host, whatever it prints.
    pub(crate) fn effect(mut self, success: impl Fn(&mut Scene) -> bool + 'static) -> Self {
        self.success = Box::new(move |scene, _| success(scene));
        self
    }

    /// Succeeds by an effect on the host, too.
    pub(crate) fn or_effect(mut self, also: impl Fn(&mut Scene) -> bool + 'static) -> Self {
        let before = self.success;
        self.success = Box::new(move |scene, outcome| before(scene, outcome) || also(scene));
        self
    }

    /// Succeeds by keeping its caller waiting for longer than this, too.
    pub(crate) fn or_lasts(mut self, limit: Duration) -> Self {
        let before = self.success;
        self.success = Box::new(move |scene, outcome| before(scene, outcome) || outcome.time > limit);
        self
    }

    /// Succeeds by keeping its output open after its end.
    pub(crate) fn or_holds_its_output(mut self) -> Self {
        let before = self.success;
        self.success = Box::new(move |scene, outcome| before(scene, outcome) || !outcome.streams_ended);
        self
    }

    /// Succeeds by the status that a shell script ends with.
    pub(crate) fn status_zero(mut self) -> Self {
        self.success = Box::new(|_, outcome| outcome.status == 0);
        self
    }

    /// Cannot succeed bare.
    pub(crate) fn never_bare(mut self, why: &str) -> Self {
        self.not_bare = Some((|_| true, why.to_owned()));
        self
    }

    /// Cannot succeed bare for an ordinary user.
    pub(crate) fn bare_only_as_root(mut self) -> Self {
        self.not_bare = Some((|identity| !identity.is_root(), "an ordinary user may not, bare either".to_owned()));
        self
    }

    /// Cannot succeed bare for root.
    pub(crate) fn bare_only_as_a_user(mut self, why: &str) -> Self {
        self.not_bare = Some((Identity::is_root, why.to_owned()));
        self
    }

    /// Cannot succeed bare where this very process cannot open the path (a container without the device, say).
    pub(crate) fn bare_where_it_opens(self, path: &str) -> Self {
        if std::fs::File::open(path).is_ok() { self } else { self.never_bare(&format!("{path} cannot be opened here")) }
    }

    /// The launcher may also refuse to start, with this status.
    pub(crate) fn or_is_refused(mut self, status: i32) -> Self {
        self.may_refuse = Some(status);
        self
    }

    /// Some kernels are built without it.
    pub(crate) fn where_the_kernel_has_it(mut self) -> Self {
        self.kernel_may_lack_it = true;
        self
    }

    /// Whether it failed since this kernel is built without what it needs.
    fn lacks_the_kernels_help(&self, outcome: &Outcome) -> bool {
        let lacking = ["os error 38", "os error 97", "os error 93", "os error 94", "os error 19"];
        self.kernel_may_lack_it && lacking.iter().any(|error| outcome.out().contains(error))
    }

    /// Cannot be tried in one of the ways into the sandbox.
    pub(crate) fn never_by(mut self, way: Way, why: &str) -> Self {
        self.not_by.push((way, why.to_owned()));
        self
    }

    /// Whether it succeeds, given time for its effect to show.
    fn shows(&self, scene: &mut Scene, outcome: &Outcome) -> bool {
        let deadline = Instant::now() + PATIENCE;
        while !(self.success)(scene, outcome) {
            if Instant::now() > deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        true
    }

    /// Makes it bare; what came of it when it did not succeed, although it should.
    fn fails_bare(&self, scene: &mut Scene) -> Option<Outcome> {
        if let Some((_, why)) = self.not_bare.as_ref().filter(|(applies, _)| applies(scene.identity)) {
            eprintln!("NOTE: not tried bare as {}: {why}", scene.identity.name());
            return None;
        }
        let outcome = scene.bare(&self.run);
        if self.lacks_the_kernels_help(&outcome) {
            eprintln!("NOTE: this kernel has no such thing: {}", outcome.out().trim());
            return None;
        }
        (!self.shows(scene, &outcome)).then_some(outcome)
    }

    /// Makes it in the sandbox, where it must start, in one of the ways into it. `must_show` gives an effect time to show.
    #[track_caller]
    fn go_sandboxed(&self, scene: &mut Scene, way: Way, must_show: bool) -> Fate {
        let who = format!("{} as {}", way.name(), scene.identity.name());
        let excluded = self.not_by.iter().find(|(excluded, _)| *excluded == way).map(|(_, why)| why.clone());
        let outcome = match excluded.map_or_else(|| way.run(scene, &self.run), Err) {
            Ok(outcome) => outcome,
            Err(why) => {
                eprintln!("NOTE: not tried {who}: {why}");
                return Fate::NotTried;
            }
        };
        if self.may_refuse == Some(outcome.status) && outcome.err().contains("sandbox-exec: ") {
            assert!(outcome.stdout.is_empty(), "refused, yet something ran {who}: {outcome}");
            return Fate::Refused(outcome);
        }
        assert!(outcome.out().contains(self.started), "never started {who}: {outcome}");
        assert!(!outcome.out().contains("\nUSAGE "), "the attack's command line is wrong: {outcome}");
        let is_lacking = self.lacks_the_kernels_help(&outcome);
        let is_seen = |scene: &mut Scene| {
            if must_show && !is_lacking { self.shows(scene, &outcome) } else { (self.success)(scene, &outcome) }
        };
        let got_through = leaked(scene, &outcome) || is_seen(scene);
        match (got_through, is_lacking) {
            (true, _) => Fate::GotThrough(outcome),
            (false, true) => Fate::Refused(outcome),
            (false, false) => Fate::Stopped(outcome),
        }
    }
}

/// What becomes of an attack in the sandbox.
enum Fate {
    /// It cannot be made in this way.
    NotTried,
    /// The launcher did not start it, or the kernel has no such thing.
    Refused(Outcome),
    /// It failed.
    Stopped(Outcome),
    /// It succeeded.
    GotThrough(Outcome),
}

/// Asserts that an attack succeeds bare, so that a test that cannot fail is noticed. Whether there are scenes to make it in.
#[track_caller]
pub(super) fn must_succeed_bare(
    identity: Identity,
    scene: &impl Fn(Identity) -> Option<Scene>,
    attempt: &impl Fn(&mut Scene) -> Attempt,
) -> bool {
    for tried in 1..=TRIES {
        let Some(mut scene) = scene(identity) else { return false };
        let Some(outcome) = attempt(&mut scene).fails_bare(&mut scene) else { return true };
        let is_last = tried == TRIES;
        assert!(!is_last, "must succeed bare as {}, or it shows nothing: {outcome}", identity.name());
    }
    true
}

/// Asserts that an attack starts, and fails, in the sandbox, in one of the ways into it. Where the row of the running test says that only
/// namespaces stop the attack, it must succeed without them: a protection that is not promised is shown to be missing. What came of it,
/// and where, if it was made.
#[track_caller]
pub(super) fn must_fail_sandboxed(
    walker: Identity,
    way: Way,
    scene: &impl Fn(Identity) -> Option<Scene>,
    attempt: &impl Fn(&mut Scene) -> Attempt,
) -> Option<(Scene, Outcome)> {
    let is_promised = way != Way::WithoutNamespaces || table::promise_without_namespaces().holds_for(walker);
    let who = format!("{} as {}", way.name(), walker.name());
    for tried in 1..=TRIES {
        let mut scene = scene(walker)?;
        match attempt(&mut scene).go_sandboxed(&mut scene, way, !is_promised) {
            Fate::NotTried => return None,
            Fate::Refused(outcome) => return Some((scene, outcome)),
            Fate::GotThrough(outcome) => {
                assert!(!is_promised, "the attack succeeded {who}: {outcome}");
                return Some((scene, outcome));
            }
            Fate::Stopped(outcome) if is_promised => return Some((scene, outcome)),
            Fate::Stopped(outcome) => assert!(
                tried < TRIES,
                "docs/threats.md says that only namespaces stop this, yet it failed {who}: {outcome}"
            ),
        }
    }
    None
}

/// Whether the scene's canary is in what was printed.
fn leaked(scene: &mut Scene, outcome: &Outcome) -> bool {
    scene.canary.is_in(&outcome.stdout) || scene.canary.is_in(&outcome.stderr)
}

/// Runs an attack as everybody the suite can be: bare, and in every way into the sandbox.
#[track_caller]
pub(crate) fn escape(attempt: impl Fn(&mut Scene) -> Attempt) {
    Identity::all().into_iter().for_each(|identity| escape_as(identity, &attempt));
}

/// The same for attacks that need root to prepare them.
#[track_caller]
pub(crate) fn escape_as_root(attempt: impl Fn(&mut Scene) -> Attempt) {
    match Identity::all().into_iter().find(|identity| identity.is_root()) {
        Some(root) => escape_as(root, &attempt),
        None => host::skip("only root can prepare this attack"),
    }
}

/// The same for an ordinary user's attacks that need root to prepare them.
#[track_caller]
pub(crate) fn escape_prepared_by_root(attempt: impl Fn(&mut Scene) -> Attempt) {
    if Identity::all().len() > 1 {
        Identity::all().into_iter().filter(|identity| !identity.is_root()).for_each(|user| escape_as(user, &attempt));
    } else {
        host::skip("only root can prepare this attack");
    }
}

/// Bare, and in every way into the sandbox, for one user. Each in a scene of its own: an attack changes what is around it.
#[track_caller]
fn escape_as(identity: Identity, attempt: &impl Fn(&mut Scene) -> Attempt) {
    let scene = |identity| Some(Scene::new(identity));
    must_succeed_bare(identity, &scene, attempt);
    if host::only_bare() {
        return;
    }
    for way in Way::ALL {
        if let Some(walker) = way.walker(identity) {
            drop(must_fail_sandboxed(walker, way, &scene, attempt));
        }
    }
}

/// Reading a file of the scene, by the helper.
pub(crate) fn read(scene: &Scene, path: &Path) -> Attempt {
    Attempt::attack(scene, &["read".into(), path.as_os_str().to_owned()]).leaks()
}

/// Reading a secret of the home.
pub(crate) fn read_at_home(name: &'static str) {
    assert!(plant::SECRETS.contains(&name), "{name} is not planted");
    escape(|scene| read(scene, &scene.at_home(name)));
}
