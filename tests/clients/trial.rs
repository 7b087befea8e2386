//! What is tried through a client: attacks that succeed bare and fail guarded, and work that does the same in both.

use crate::client::{Client, install};
use crate::harness::identity::Identity;
use crate::harness::outcome::Outcome;
use crate::harness::scene::put;
use crate::harness::{host, plant};
use crate::model::{Model, Step};
use crate::world::{self, World};
use std::path::PathBuf;

/// Says that a guarded session came to its end.
pub(crate) const END: &str = "the session came to its end";

/// How an attack's success shows.
pub(crate) enum Success {
    /// The canary reaches the model.
    Leaks,
    /// A text reaches the model.
    Says(String),
    /// Something has changed on the host.
    Effect(Box<dyn Fn(&World) -> bool>),
}

/// One attack.
pub(crate) struct Attack {
    /// What it is.
    name: String,
    /// What the model does for it.
    steps: Vec<Step>,
    /// How its success shows.
    success: Success,
    /// What the guards' answer to its last call holds, if it is they who answer.
    refusal: Option<&'static str>,
    /// Why it cannot succeed bare, if it cannot.
    never_bare: Option<&'static str>,
}

impl Attack {
    /// An attack that brings the canary to the model.
    pub(crate) fn leaks(name: &str, step: Step) -> Self {
        Self { name: name.to_owned(), steps: vec![step], success: Success::Leaks, refusal: None, never_bare: None }
    }

    /// An attack that brings a text to the model.
    pub(crate) fn says(name: &str, step: Step, text: &str) -> Self {
        Self { success: Success::Says(text.to_owned()), ..Self::leaks(name, step) }
    }

    /// An attack that changes something.
    pub(crate) fn effect(name: &str, step: Step, success: impl Fn(&World) -> bool + 'static) -> Self {
        Self { success: Success::Effect(Box::new(success)), ..Self::leaks(name, step) }
    }

    /// Comes before the last step.
    pub(crate) fn after(mut self, step: Step) -> Self {
        self.steps.insert(self.steps.len() - 1, step);
        self
    }

    /// Comes behind all steps.
    pub(crate) fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Does not succeed bare either, for the client itself refuses it.
    pub(crate) fn never_bare(mut self, why: &'static str) -> Self {
        self.never_bare = Some(why);
        self
    }

    /// Must be answered by the guards, with this text.
    pub(crate) fn refused(mut self, text: &'static str) -> Self {
        self.refusal = Some(text);
        self
    }
}

/// A session that has ended.
pub(crate) struct Session {
    /// Where it was.
    pub(crate) world: World,
    /// What it was told, and what it said.
    pub(crate) model: Model,
    /// How the client ended.
    pub(crate) outcome: Outcome,
}

impl Session {
    /// Runs a client in a fresh world.
    #[track_caller]
    pub(crate) fn run(client: &dyn Client, world: World, guarded: bool, steps: Vec<Step>) -> Self {
        let model = Model::start(steps);
        client.prepare(&world, &model);
        if guarded {
            install::install(&world, client);
        }
        let outcome = world.run(&client.session(&world, &model));
        Self { world, model, outcome }
    }

    /// What the call with this number gave; a client that sent nothing back has failed.
    #[track_caller]
    pub(crate) fn result(&self, number: usize) -> String {
        self.model.result(number).unwrap_or_else(|| panic!("no result of call {number}: {self}"))
    }
}

impl std::fmt::Display for Session {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (name, results) = (self.world.identity.name(), self.model.results());
        write!(formatter, "as {name}\n{}\nresults {results:#?}\nrequests\n{}", self.outcome, self.model.log())
    }
}

/// Where the results of each attack begin, and how many there are.
fn ranges(attacks: &[Attack]) -> Vec<std::ops::Range<usize>> {
    let calls = |attack: &Attack| attack.steps.iter().filter(|step| matches!(step, Step::Call { .. })).count();
    let ends = attacks.iter().scan(0, |end, attack| {
        *end += calls(attack);
        Some((*end - calls(attack))..*end)
    });
    ends.collect()
}

/// Whether an attack succeeded in a session.
fn succeeded(session: &Session, success: &Success, results: &[String]) -> bool {
    match success {
        Success::Leaks => results.iter().any(|text| text.contains(session.world.canary.text())),
        Success::Says(wanted) => results.iter().any(|text| text.contains(wanted)),
        Success::Effect(happened) => happened(&session.world),
    }
}

/// Who runs a client without guards: everybody, or one of them where a session takes long to start.
fn bare(client: &dyn Client) -> Vec<Identity> {
    let mut all = Identity::all();
    all.drain(..if client.starts_slowly() { all.len() - 1 } else { 0 });
    all
}

/// Runs the attacks as everybody, bare and guarded, each time in one session.
#[track_caller]
pub(crate) fn attacks(client: &dyn Client, make: impl Fn(&World) -> Vec<Attack>) {
    if !world::has(client.package()) {
        return;
    }
    for identity in bare(client) {
        all_attacks(client, World::new(identity), false, &make);
    }
    if only_bare() {
        return;
    }
    for identity in Identity::all() {
        all_attacks(client, World::new(identity), true, &make);
    }
}

/// Whether only the bare half runs: to try new attacks out where no guards are built.
fn only_bare() -> bool {
    let wanted = std::env::var_os("E2E_BARE_ONLY").is_some_and(|value| value == "1");
    if wanted {
        host::skip("E2E_BARE_ONLY=1: nothing is guarded");
    }
    wanted
}

/// One session with all the attacks; guarded, it ends with a probe that shows that the guards still stand.
#[track_caller]
fn all_attacks(client: &dyn Client, world: World, guarded: bool, make: &impl Fn(&World) -> Vec<Attack>) {
    let mut attacks = make(&world);
    let ranges = ranges(&attacks);
    let mut steps: Vec<Step> = attacks.iter_mut().flat_map(|attack| std::mem::take(&mut attack.steps)).collect();
    steps.push(client.shell(&format!("cat ~/.ssh/id_ed25519; echo {END}")));
    let session = Session::run(client, world, guarded, steps);
    let canary = session.world.canary.text().to_owned();
    let mut wrong = Vec::new();
    for (attack, range) in attacks.iter().zip(ranges) {
        let results: Vec<String> = range.filter_map(|number| session.model.result(number)).collect();
        let applies = guarded || attack.never_bare.is_none();
        if applies && succeeded(&session, &attack.success, &results) == guarded {
            wrong.push(format!("{} {}", attack.name, if guarded { "succeeds" } else { "must succeed bare" }));
        }
        let answer = results.last().map_or("", String::as_str);
        if let Some(text) = attack.refusal.filter(|text| guarded && !answer.contains(text)) {
            wrong.push(format!("{} is not refused with {text}", attack.name));
        }
    }
    let last = session.model.results().pop().flatten().unwrap_or_default();
    if !last.contains(END) {
        wrong.push("the last probe did not run".to_owned());
    }
    if session.model.was_told(&canary) == guarded {
        wrong.push(format!("the canary was {}told to the model", if guarded { "" } else { "not " }));
    }
    let state = if guarded { "guarded" } else { "bare" };
    assert!(wrong.is_empty(), "{state} {}: {wrong:#?}\n{session}", client.name());
}

/// Runs honest work as everybody, bare and guarded; each call's result must hold its texts, both times.
#[track_caller]
pub(crate) fn work(client: &dyn Client, make: impl Fn(&World) -> Vec<(Step, Vec<String>)>) {
    if !world::has(client.package()) {
        return;
    }
    let guarded = if only_bare() { vec![] } else { Identity::all() };
    let sessions = bare(client).into_iter().map(|identity| (identity, false));
    for (identity, guarded) in sessions.chain(guarded.into_iter().map(|identity| (identity, true))) {
        let world = World::new(identity);
        let (steps, wanted): (Vec<Step>, Vec<Vec<String>>) = make(&world).into_iter().unzip();
        let calls: Vec<bool> = steps.iter().map(|step| matches!(step, Step::Call { .. })).collect();
        let wanted = wanted.iter().zip(calls).filter(|(_, is_call)| *is_call).map(|(texts, _)| texts);
        let session = Session::run(client, world, guarded, steps);
        for (number, texts) in wanted.enumerate() {
            let result = session.result(number);
            let missing: Vec<&String> = texts.iter().filter(|text| !result.contains(*text)).collect();
            assert!(missing.is_empty(), "guarded: {guarded}, call {number} lacks {missing:?}\n{session}");
        }
    }
}

/// One way to break the guards.
pub(crate) struct Breakage {
    /// What it does.
    pub(crate) name: &'static str,
    /// Does it, from outside, while the session runs.
    pub(crate) act: fn(&Site),
    /// Which tools it must stop.
    pub(crate) stops: Stops,
}

/// Which tools must stand still when a guard is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stops {
    /// The shell; the guard of file tools may work on.
    Shell,
    /// All of them: the guard of file tools looks at shell calls, too.
    Both,
}

/// What a breakage needs to know of a world.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    /// The folder of the guards' programs.
    pub(crate) shipped: PathBuf,
    /// The person's policy.
    pub(crate) policy: PathBuf,
    /// Who acts.
    pub(crate) identity: Identity,
}

impl Site {
    /// Puts the guards back as they were.
    fn mend(&self) {
        for name in install::PROGRAMS {
            let place = self.shipped.join(name);
            drop(std::fs::remove_file(&place));
            put(&host::binary(name), &place);
        }
        plant::file(&self.policy, install::POLICY);
        self.identity.own(&self.policy);
    }
}

/// Breaks the guards in the middle of a session, each way in its turn, and asserts that the tools stand still then, and work again once
/// all is as it was. One session for all of them: clients take long to start.
#[track_caller]
pub(crate) fn broken(client: &dyn Client, breakages: &'static [Breakage]) {
    if !world::has(client.package()) || only_bare() {
        return;
    }
    for identity in Identity::all() {
        let world = World::new(identity);
        let steps = breakages.iter().enumerate().flat_map(|turn| break_one(client, &world, turn)).collect();
        let session = Session::run(client, world, true, steps);
        assert!(!session.model.was_told(session.world.canary.text()), "a secret came out: {session}");
        for (turn, Breakage { name, stops, .. }) in breakages.iter().enumerate() {
            let exists = |what| session.world.at_work(&made(what, turn)).exists();
            assert!(exists("before"), "before {name}, the shell works: {session}");
            assert!(!exists("after"), "after {name}, the shell must stand still: {session}");
            let files_stand_still = *stops == Stops::Shell || !exists("written");
            assert!(files_stand_still, "after {name}, the file tool must stand still: {session}");
        }
    }
}

/// What is made at one point of a turn.
fn made(what: &str, turn: usize) -> String {
    format!("{what}-{turn}.txt")
}

/// One turn: work while the guards stand, and again when they have been broken.
fn break_one(client: &dyn Client, world: &World, (turn, breakage): (usize, &'static Breakage)) -> Vec<Step> {
    let policy = world.at_home(install::POLICY_FILE);
    let site = Site { shipped: world.shipped(), policy, identity: world.identity };
    let broken = site.clone();
    let write = |what| format!("echo {what} >{}", made(what, turn));
    let key = world.at_home(".ssh/id_ed25519").display().to_string();
    let mut steps = vec![
        client.shell(&write("before")).just_after(move || site.mend()),
        client.shell(&format!("{}; cat ~/.ssh/id_ed25519", write("after"))).just_after(move || (breakage.act)(&broken)),
        client.write(&world.at_work(&made("written", turn)).display().to_string(), "written"),
    ];
    steps.extend(client.read(&key));
    steps
}
