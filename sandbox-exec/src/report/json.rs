//! A plan as a program reads it. Keys are stable: a change that breaks a reader changes `version`.

use std::path::Path;

use lobsterpot_policy::HostRule;
use nix::errno::Errno;
use serde_json::{Map, Value, json};

use super::layers::Enforced;
use super::sight::Sight;
use super::text::{Calls, is_own, rights};
use super::words::{escaped, harmless};
use crate::args::Leftovers;
use crate::plan::{Network, Owners, PROXY, Plan, Tier};

/// The version of the format.
pub(super) const VERSION: u32 = 1;

/// The whole plan on one line.
pub(super) fn plan(plan: &Plan) -> String {
    let (user, group) = plan.user;
    let outside = match plan.owners {
        Owners::Same => user,
        Owners::Remapped(id) => id,
    };
    line(&json!({
        "version": VERSION,
        "profile": plan.profile,
        "command": list(&plan.command),
        "cwd": escaped(&plan.cwd),
        "user": { "uid": user, "gid": group, "uid_outside": outside },
        "tier": match plan.tier { Tier::Namespaces => "namespaces", Tier::Landlock => "landlock" },
        "network": plan.network.word(),
        "egress": egress(&plan.network),
        "files": files(plan),
        "guarded": guarded(plan),
        "sockets": list(&plan.supervision.sockets),
        "landlock": landlock(plan),
        "seccomp": seccomp(plan),
        "limits": limits(plan),
        "environment": environment(plan),
        "descriptors": plan.descriptors,
        "terminal": plan.terminal.as_ref().map(escaped),
        "leftovers": match plan.supervision.leftovers { Leftovers::End => "end", Leftovers::Keep => "keep" },
        "layers": layers(&Enforced::of(plan)),
        "notes": plan.notes,
    }))
}

/// What was enforced, on one line.
pub(super) fn explain(plan: &Plan, enforced: &Enforced) -> String {
    line(&json!({ "version": VERSION, "profile": plan.profile, "layers": layers(enforced) }))
}

/// That the kernel refused a private layer over `folder`, on one line.
pub(super) fn layer_refused(folder: &Path, errno: Errno) -> String {
    line(&json!({ "version": VERSION, "read_only": { "path": escaped(folder), "why": errno.desc() } }))
}

/// `value` as a line.
fn line(value: &Value) -> String {
    format!("{value}\n")
}

/// Paths or words, escaped.
fn list<T: AsRef<std::ffi::OsStr>>(items: &[T]) -> Vec<String> {
    items.iter().map(escaped).collect()
}

/// What is seen, and how.
fn files(plan: &Plan) -> Value {
    let sight = Sight::of(plan);
    json!({
        "writable": list(&sight.writable),
        "readable": list(&sight.readable),
        "made": list(&sight.made),
        "scratch": list(&sight.scratch),
        "overlay": list(&sight.overlay),
        "masked": list(&sight.masked),
        "protected": list(&sight.protected),
        "pinned": list(&sight.pinned),
    })
}

/// The guarded names.
fn guarded(plan: &Plan) -> Vec<Value> {
    let guards = plan.supervision.guards.iter();
    guards.map(|guard| json!({ "root": escaped(&guard.root), "name": escaped(&guard.name) })).collect()
}

/// What leads out of a network of its own, and into it; null without one, or when nothing does.
fn egress(network: &Network) -> Option<Value> {
    let Network::Allowlist(allowlist) = network else { return None };
    let policy = &allowlist.policy;
    let list = |rules: &[HostRule]| rules.iter().map(|rule| harmless(&rule.to_string())).collect::<Vec<_>>();
    let published = policy.publish.iter().map(|publish| json!({ "host": publish.host, "port": publish.port }));
    Some(json!({
        "allow": list(&policy.rules),
        "deny": list(&policy.deny),
        "low_ports": allowlist.low_ports,
        "proxy": policy.proxy.then(|| PROXY.to_string()),
        "publish": published.collect::<Vec<_>>(),
    }))
}

/// Landlock's part.
fn landlock(plan: &Plan) -> Option<Value> {
    plan.landlock.as_ref().map(|ruleset| {
        json!({
            "abi": ruleset.abi,
            "confines": rights(ruleset.abi),
            "readable": list(&ruleset.readable),
            "writable": list(&ruleset.writable),
            "refuse_tcp": ruleset.refuse_tcp,
        })
    })
}

/// The filter.
fn seccomp(plan: &Plan) -> Value {
    let calls = Calls::of(plan);
    json!({
        "instructions": calls.instructions,
        "refused": calls.refused,
        "supervised": calls.supervised,
        "by_argument": calls.by_argument,
        "ptrace": plan.filter.ptrace,
        "user_namespaces": plan.filter.user_namespaces,
        "connect_supervised": plan.filter.supervised,
    })
}

/// The limits: numbers in bytes, counts or milliseconds; null for none.
fn limits(plan: &Plan) -> Value {
    let milliseconds = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    json!({
        "processes": plan.limits.processes,
        "memory": plan.limits.memory,
        "file_size": plan.limits.file_size,
        "open_files": plan.limits.open_files,
        "core": plan.limits.core,
        "tmpfs": plan.limits.tmpfs,
        "wall_clock_ms": plan.supervision.timeout.map(milliseconds),
        "grace_ms": milliseconds(plan.supervision.grace),
    })
}

/// The environment: the values that the sandbox makes itself, null for all others, which may be secrets.
fn environment(plan: &Plan) -> Map<String, Value> {
    let value = |name, value| if is_own(name) { Value::from(escaped(value)) } else { Value::Null };
    plan.environment.iter().map(|(name, content)| (escaped(name), value(name, content))).collect()
}

/// The layers, in order.
fn layers(enforced: &Enforced) -> Vec<Value> {
    let layer = |(name, level): &(&'static str, super::layers::Level)| {
        let (word, more) = level.words();
        json!({ "layer": name, "level": word, "detail": more })
    };
    enforced.layers.iter().map(layer).collect()
}
