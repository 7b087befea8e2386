//! The launcher's options as a policy says them: a hook has no way of passing them on but a policy file.

use super::scene::Scene;
use std::collections::BTreeMap;
use std::ffi::OsString;

/// Tables of a policy: entries that are lists, and such that are single values.
type Tables = BTreeMap<&'static str, BTreeMap<String, Vec<String>>>;

/// The hook's options that come to the same as these of the launcher's.
///
/// # Errors
/// Which option has no place in a policy, and why.
pub(super) fn options(scene: &Scene, flags: &[OsString]) -> Result<Vec<OsString>, String> {
    let mut options = Vec::new();
    let mut tables = Tables::new();
    let mut words = flags.iter();
    while let Some(flag) = words.next() {
        let flag = flag.to_str().unwrap_or_default();
        let mut value = || words.next().cloned().unwrap_or_default();
        match flag {
            "--policy" | "--profile" => options.extend([flag.into(), value()]),
            "--fd" => return Err("a hook has no descriptor to hand over".to_owned()),
            "--keep" => return Err("a hook never keeps what a command leaves behind".to_owned()),
            "--proxy" => add(&mut tables, "network", "proxy", "true".to_owned()),
            other => say(&mut tables, other, &value().to_string_lossy())?,
        }
    }
    if !tables.is_empty() {
        let place = scene.root.join("flags.toml");
        scene.write(&place, &text(&tables));
        options.extend(["--policy".into(), place.into_os_string()]);
    }
    Ok(options)
}

/// One option with a value, as the policy has it.
///
/// # Errors
/// When the policy has no such thing.
fn say(tables: &mut Tables, flag: &str, value: &str) -> Result<(), String> {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    // In a policy, other than on the command line, these characters are special.
    let special = |c: char| matches!(c, '\\' | '*' | '?' | '[' | ']' | '{' | '}' | ',');
    let path: String = value.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect();
    match flag {
        "--mask" => add(tables, "files", "mask", quoted(&path)),
        "--ro" => add(tables, "files", "read", quoted(&path)),
        "--rw" => add(tables, "files", "write", quoted(&path)),
        "--net" => add(tables, "network", "mode", quoted(value)),
        "--allow-host" => add(tables, "network", "allow", quoted(value)),
        "--deny-host" => add(tables, "network", "deny", quoted(value)),
        "--publish" => add(tables, "network", "publish", quoted(value)),
        "--timeout" => add(tables, "limits", "wall_clock", quoted(value)),
        "--limit" => {
            let (name, limit) = value.split_once('=').unwrap_or((value, ""));
            let limit = if limit.parse::<u64>().is_ok() { limit.to_owned() } else { quoted(limit) };
            add(tables, "limits", &name.replace('-', "_"), limit);
        }
        "--env" => match value.split_once('=') {
            Some((name, content)) => add(tables, "environment.set", name, quoted(content)),
            None => add(tables, "environment", "pass", quoted(value)),
        },
        other => return Err(format!("no policy says {other}")),
    }
    Ok(())
}

/// One more value.
fn add(tables: &mut Tables, table: &'static str, key: &str, value: String) {
    tables.entry(table).or_default().entry(key.to_owned()).or_default().push(value);
}

/// The policy as it is written.
fn text(tables: &Tables) -> String {
    const LISTS: &[&str] = &["mask", "read", "write", "allow", "deny", "publish", "pass"];
    let mut text = String::new();
    for (table, entries) in tables {
        text.push_str(&format!("[{table}]\n"));
        for (key, values) in entries {
            let value =
                if LISTS.contains(&key.as_str()) { format!("[{}]", values.join(", ")) } else { values.concat() };
            text.push_str(&format!("{key} = {value}\n"));
        }
    }
    text
}
