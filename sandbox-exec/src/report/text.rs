//! A plan as a person reads it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use lobsterpot_policy::HostRule;
use nix::errno::Errno;

use super::layers::Enforced;
use super::sight::Sight;
use super::words::{Lines, duration, escaped, harmless, shell_word, size};
use crate::args::Leftovers;
use crate::plan::{Limits, Network, Owners, PROXY, Plan};
use crate::seccomp::{Action, explain as explain_call, select};

/// Variables whose value the sandbox makes itself; the values of all others may be secrets and are not shown.
const OWN: [&str; 6] = ["HOME", "LOGNAME", "PATH", "PWD", "SANDBOX", "USER"];
/// Numbers of system calls to look through: beyond the last of every architecture that we build for.
const CALLS: u32 = 600;

/// The whole plan.
pub(super) fn plan(plan: &Plan) -> String {
    let mut lines = Lines::default();
    lines.line("plan", "nothing was run");
    summary(&mut lines, plan);
    files(&mut lines, plan);
    hosts(&mut lines, &plan.network);
    environment(&mut lines, plan);
    layers(&mut lines, &Enforced::of(plan));
    single(&mut lines, "notes", plan.notes.iter().map(|note| harmless(note)));
    lines.into_text()
}

/// What was enforced, one line for each layer.
pub(super) fn explain(plan: &Plan, enforced: &Enforced) -> String {
    let lines = std::iter::once(format!("profile {}", escaped(&plan.profile))).chain(layer_lines(enforced));
    lines.map(|line| format!("sandbox-exec: {line}\n")).collect()
}

/// That the kernel refused a private layer over `folder`.
pub(super) fn layer_refused(folder: &Path, errno: Errno) -> String {
    format!(
        "sandbox-exec: \"{}\" can only be read: the kernel refuses a private layer over it ({})\n\
         hint: have its program write elsewhere: environment.set of the policy, as in CARGO_HOME = \"/tmp/cargo\"\n",
        escaped(folder),
        errno.desc()
    )
}

/// The words as a list.
fn words(words: impl Iterator<Item = String>) -> Vec<String> {
    words.collect()
}

/// Who, what, where, and how much.
fn summary(lines: &mut Lines, plan: &Plan) {
    lines.line("profile", &escaped(&plan.profile));
    lines.wrapped("command", &words(plan.command.iter().map(|word| shell_word(word))));
    lines.line("starts in", &escaped(&plan.cwd));
    lines.line("user", &user(plan));
    network(lines, &plan.network);
    lines.line("seccomp", &filter(plan));
    lines.line("Landlock", &landlock(plan));
    lines.wrapped("limits", &limits(plan));
    lines.line("leftovers", &leftovers(plan));
    let descriptors = plan.descriptors.iter().map(ToString::to_string);
    lines.wrapped("descriptors", &words(["0", "1", "2"].map(str::to_owned).into_iter().chain(descriptors)));
    if let Some(terminal) = &plan.terminal {
        lines.line("terminal", &escaped(terminal));
    }
}

/// The identity inside and outside.
fn user(plan: &Plan) -> String {
    let (user, group) = plan.user;
    match plan.owners {
        Owners::Same => format!("{user}, group {group}: the caller's own, inside and outside"),
        Owners::Remapped(outside) => format!("{user}, group {group} inside; the powerless user {outside} outside"),
    }
}

/// The network in words.
fn network(lines: &mut Lines, network: &Network) {
    match network {
        Network::Isolated => lines.line("network", "none: only a loopback interface of its own"),
        Network::Host => {
            lines.line("network", "host: every address that this host reaches, its own loopback included");
        }
        Network::Allowlist(allowlist) => {
            let reach = if allowlist.learns() { "every public host" } else { "the hosts below" };
            let word = network.word();
            lines.line("network", &format!("{word}: its own, from which lobsterpot-egress lets it reach {reach}"));
        }
    }
}

/// What can be reached, and what can reach a server inside.
fn hosts(lines: &mut Lines, network: &Network) {
    let Network::Allowlist(allowlist) = network else { return };
    let policy = &allowlist.policy;
    let list = |rules: &[HostRule]| vec![words(rules.iter().map(|rule| harmless(&rule.to_string())))];
    lines.list("hosts that can be reached", policy.rules.len(), &list(&policy.rules));
    if !policy.deny.is_empty() {
        lines.list("hosts that cannot, whatever the list above says", policy.deny.len(), &list(&policy.deny));
    }
    let ports = words(allowlist.low_ports.iter().map(ToString::to_string));
    lines.list("ports that servers inside cannot have, besides 53", ports.len(), &[ports]);
    if policy.proxy {
        lines.gap();
        lines.line("proxy", &format!("at {PROXY} inside, for HTTP and SOCKS 5"));
    }
    let published = policy.publish.iter().map(|publish| format!("127.0.0.1:{} → port {}", publish.host, publish.port));
    single(lines, "servers inside that the host's loopback reaches", published);
}

/// The filter in numbers.
fn filter(plan: &Plan) -> String {
    let counts = Calls::of(plan);
    let allowed = |granted: bool| if granted { "allowed" } else { "refused" };
    let connect = if plan.filter.supervised { "supervised" } else { "not supervised" };
    format!(
        "{} instructions: {} calls refused, {} supervised, {} by their arguments; ptrace {}, user namespaces {}, connect {connect}",
        counts.instructions,
        counts.refused,
        counts.supervised,
        counts.by_argument,
        allowed(plan.filter.ptrace),
        allowed(plan.filter.user_namespaces),
    )
}

/// What the filter does to the calls that this version knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Calls {
    /// Length of the program.
    pub(super) instructions: usize,
    /// Calls that fail whatever their arguments.
    pub(super) refused: usize,
    /// Calls that the supervisor decides.
    pub(super) supervised: usize,
    /// Calls that are allowed but for some arguments.
    pub(super) by_argument: usize,
}

impl Calls {
    /// Counts.
    pub(super) fn of(plan: &Plan) -> Self {
        let mut calls = Self { instructions: select(plan.filter).instructions().len(), ..Self::default() };
        for call in (0..CALLS).filter_map(|number| explain_call(number, plan.filter)) {
            match call.action {
                Action::Errno(_) => calls.refused += 1,
                Action::Notify => calls.supervised += 1,
                Action::Allow if call.rules.is_empty() => {}
                Action::Allow => calls.by_argument += 1,
            }
        }
        calls
    }
}

/// Landlock's part in words.
fn landlock(plan: &Plan) -> String {
    let Some(ruleset) = &plan.landlock else { return "none: this kernel has no Landlock".to_owned() };
    let rights = rights(ruleset.abi).join(", ");
    let (readable, writable) = (ruleset.readable.len(), ruleset.writable.len());
    let tcp = if ruleset.refuse_tcp { "; TCP refused" } else { "" };
    format!("ABI {}: {rights}; read below {readable}, write below {writable} paths{tcp}", ruleset.abi)
}

/// What an ABI confines.
pub(super) fn rights(abi: u32) -> Vec<&'static str> {
    let all = [
        (1, "files"),
        (2, "moving between folders"),
        (3, "truncating"),
        (5, "device ioctls"),
        (6, "abstract sockets and signals"),
    ];
    all.into_iter().filter(|(since, _)| *since <= abi).map(|(_, right)| right).collect()
}

/// The limits by name; `None` is no limit.
pub(super) fn limit_words(limits: Limits) -> [(&'static str, Option<String>); 6] {
    [
        ("processes", limits.processes.map(|count| count.to_string())),
        ("memory", limits.memory.map(size)),
        ("file_size", limits.file_size.map(size)),
        ("open_files", limits.open_files.map(|count| count.to_string())),
        ("core", limits.core.map(size)),
        ("tmpfs", limits.tmpfs.map(size)),
    ]
}

/// The limits in words.
fn limits(plan: &Plan) -> Vec<String> {
    let wall_clock = ("wall_clock", plan.supervision.timeout.map(duration));
    let all: Vec<_> = limit_words(plan.limits).into_iter().chain([wall_clock]).collect();
    let last = all.len().saturating_sub(1);
    let words = all.into_iter().enumerate().map(|(number, (name, limit))| {
        let end = if number == last { "" } else { "," };
        format!("{name} {}{end}", limit.unwrap_or_else(|| "off".to_owned()))
    });
    words.collect()
}

/// What happens to processes that outlive the command.
fn leftovers(plan: &Plan) -> String {
    match plan.supervision.leftovers {
        Leftovers::End => format!("ended {} after the command", duration(plan.supervision.grace)),
        Leftovers::Keep => "kept, in the sandbox, when the launcher returns with the command".to_owned(),
    }
}

/// What is seen, and how.
fn files(lines: &mut Lines, plan: &Plan) {
    let sight = Sight::of(plan);
    single(lines, "can be written", sight.writable.iter().map(escaped));
    by_folder(lines, "can be read", &sight.readable);
    single(lines, "the sandbox's own, in place of the host's", sight.made.iter().map(escaped));
    by_folder(lines, "private, empty at the start, thrown away at the end", &sight.scratch);
    by_folder(lines, "readable; what is changed is private, and thrown away at the end", &sight.overlay);
    by_folder(lines, "hidden, though it exists", &sight.masked);
    by_folder(lines, "can be read but not changed, inside what can be written", &sight.protected);
    single(lines, "cannot be moved away, for what they hold is protected", sight.pinned.iter().map(escaped));
    guards(lines, plan);
    single(lines, "sockets outside that may be connected to", plan.supervision.sockets.iter().map(escaped));
}

/// A list with one entry on a line.
fn single(lines: &mut Lines, heading: &str, entries: impl Iterator<Item = String>) {
    let rows: Vec<Vec<String>> = entries.map(|entry| vec![entry]).collect();
    lines.list(heading, rows.len(), &rows);
}

/// A list of paths in which those of one folder share a row: `/etc: docker shadow`.
fn by_folder(lines: &mut Lines, heading: &str, paths: &[PathBuf]) {
    let mut folders: BTreeMap<&Path, Vec<&OsStr>> = BTreeMap::new();
    for path in paths {
        folders.entry(path.parent().unwrap_or(path)).or_default().push(path.file_name().unwrap_or_default());
    }
    let row = |(folder, names): (&Path, Vec<&OsStr>)| match names.as_slice() {
        [name] => vec![escaped(folder.join(name))],
        names => with_label(format!("{}:", escaped(folder)), names.iter().map(|name| shell_word(name))),
    };
    let rows: Vec<Vec<String>> = folders.into_iter().map(row).collect();
    lines.list(heading, paths.len(), &rows);
}

/// The guarded names, a row for each root.
fn guards(lines: &mut Lines, plan: &Plan) {
    let guards = &plan.supervision.guards;
    let mut roots: BTreeMap<&Path, Vec<String>> = BTreeMap::new();
    for guard in guards {
        roots.entry(&guard.root).or_default().push(shell_word(guard.name.as_os_str()));
    }
    let rows: Vec<Vec<String>> =
        roots.into_iter().map(|(root, names)| with_label(format!("{}:", escaped(root)), names.into_iter())).collect();
    lines.list("names that must not come into being", guards.len(), &rows);
}

/// A row that begins with `label`.
fn with_label(label: String, words: impl Iterator<Item = String>) -> Vec<String> {
    std::iter::once(label).chain(words).collect()
}

/// The environment: names, and the values that the sandbox makes itself.
fn environment(lines: &mut Lines, plan: &Plan) {
    lines.gap();
    let (own, others): (Vec<_>, Vec<_>) = plan.environment.iter().partition(|(name, _)| is_own(name));
    lines.line("environment", &format!("{} variables", plan.environment.len()));
    for (name, value) in own {
        lines.line("", &format!("{}={}", escaped(name), escaped(value)));
    }
    lines.wrapped("", &words(others.iter().map(|(name, _)| escaped(name))));
}

/// Whether the sandbox makes the value of the variable `name` itself.
pub(super) fn is_own(name: &OsString) -> bool {
    OWN.iter().any(|own| name == own)
}

/// The layers, aligned.
fn layers(lines: &mut Lines, enforced: &Enforced) {
    single(lines, "layers", layer_lines(enforced).into_iter());
}

/// One line for each layer.
fn layer_lines(enforced: &Enforced) -> Vec<String> {
    let line = |(name, level): &(&'static str, _)| {
        let (word, more): (&str, &str) = super::layers::Level::words(level);
        format!("{name:19} {word:9} {more}").trim_end().to_owned()
    };
    enforced.layers.iter().map(line).collect()
}
