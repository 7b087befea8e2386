//! The host: what the launcher finds when it tries its own layers (`sandbox-exec check`).

use std::path::Path;

use serde_json::Value;

use super::check::{Check, ask_json};

/// Looks at the kernel, as the launcher in `folder` sees it.
pub(super) fn checks(folder: &Path) -> Vec<Check> {
    let answer = ask_json(&folder.join("sandbox-exec"), &["check", "--json"]);
    let layers = answer.as_ref().ok().and_then(|answer| answer["layers"].as_array());
    match (layers, &answer) {
        (Some(layers), _) => layers.iter().map(layer).collect(),
        (None, Err(why)) => vec![Check::fail("host", format!("sandbox-exec check: {why}")).hint(INSTALL)],
        (None, Ok(_)) => vec![Check::fail("host", "sandbox-exec check lists no layers").hint(INSTALL)],
    }
}

/// What helps when the launcher does not answer.
const INSTALL: &str = "install all programs of one version into one folder";

/// One layer.
fn layer(layer: &Value) -> Check {
    let text = |name: &str| layer[name].as_str().unwrap_or_default().to_owned();
    let name = format!("host.{}", text("name"));
    let detail = text("detail");
    let check = match (text("state").as_str(), layer["required"].as_bool()) {
        ("ok", _) => return Check::ok(name, detail),
        ("partial", _) | (_, Some(false)) => Check::warn(name, detail),
        _ => Check::fail(name, detail),
    };
    match text("remedy") {
        remedy if remedy.is_empty() => check,
        remedy => check.hint(remedy),
    }
}
