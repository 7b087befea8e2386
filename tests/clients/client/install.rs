//! Puts the guards into a client's settings, as the installer does.

use super::Client;
use crate::world::World;
use serde_json::json;

/// Every program that is shipped, as far as it is built.
const PROGRAMS: &[&str] = &["sandbox-exec", "sandbox-exec-hook"];

/// Installs for a client; the settings that are there stay.
pub(crate) fn install(world: &World, client: &dyn Client) {
    PROGRAMS.iter().for_each(|name| drop(world.ship(name)));
    assert_eq!(client.name(), "claude-code");
    let hook = json!({
        "type": "command", "command": world.shipped().join("sandbox-exec-hook"),
        "args": ["--client", "claude-code", "--approve"], "timeout": 10, "onFailure": "block",
    });
    let settings = json!({"hooks": {"PreToolUse": [{"matcher": "Bash|Monitor", "hooks": [hook]}]}});
    world.write(&world.at_home(".claude/settings.json"), &settings.to_string());
}
