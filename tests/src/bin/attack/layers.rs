//! What is in force around this process: one line for each layer, so that a test can tell whether any is missing.

use crate::call::{Arg, call};
use crate::{Arguments, Attempt, Outcome};
use std::fs;
use std::os::unix::process::parent_id;

/// The attempts of this module.
pub(crate) const ALL: &[(&str, Attempt)] = &[("layers", layers)];

/// What `/proc/self/status` says about confinement.
const STATUS: [&str; 7] = ["NoNewPrivs", "Seccomp", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"];
/// Every kind of namespace that a sandbox has its own of.
const NAMESPACES: [&str; 7] = ["user", "mnt", "pid", "ipc", "uts", "cgroup", "net"];

/// `layers SECRET…`: tries to read each secret, and says which namespaces, rights and filters hold. `signal` is whether the parent,
/// which is outside of any Landlock domain, can be reached by a signal; `descriptors` is how many are open.
fn layers(secrets: &Arguments) -> Outcome {
    let mut lines = vec![String::new()];
    for secret in secrets {
        let read = fs::read(secret).map_or_else(|error| error.raw_os_error().unwrap_or(0), |_| 0);
        lines.push(format!("secret {}", if read == 0 { "readable" } else { "hidden" }));
    }
    let status = fs::read_to_string("/proc/self/status")?;
    for name in STATUS {
        let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        lines.push(format!("{name} {}", value.unwrap_or("?").trim()));
    }
    for name in NAMESPACES {
        let target = fs::read_link(format!("/proc/self/ns/{name}"))?;
        lines.push(format!("namespace {name} {}", target.display()));
    }
    // Signal 0 only asks whether one could be sent.
    let asked = call(libc::SYS_kill, [Arg::Int(i64::from(parent_id())), Arg::Int(0)]);
    lines.push(format!("signal {}", if asked.is_ok() { "allowed" } else { "refused" }));
    let open = fs::read_dir("/proc/self/fd")?.flatten().count();
    // The listing itself has one open.
    lines.push(format!("descriptors {}", open.saturating_sub(1)));
    Ok(lines.join("\n").into_bytes())
}
