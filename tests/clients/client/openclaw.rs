//! OpenClaw, by itself (`agent --local`) and through its gateway.

use super::Client;
use crate::model::{IS_OVER, Model, Step, call};
use crate::world::{Start, World};
use serde_json::{Value, json};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// The client, in one of the ways that it is run.
pub(crate) enum OpenClaw {
    /// One turn without a gateway.
    Local,
    /// One turn through a gateway that was started for it.
    Gateway,
    /// The same, and then a job that the gateway runs by its own clock.
    Scheduled,
}

/// Starts a gateway, waits until it answers, and has it take a turn; the namespaces end both. A job is over when the model has heard
/// what its last call gave.
const THROUGH_GATEWAY: &str = r#"
openclaw=$1 port=$2 job=$3 model=$4 question=$5
"$openclaw" gateway run --port "$port" >~/gateway.log 2>&1 &
for _ in $(seq 3000); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
    sleep 0.1
done
"$openclaw" agent --agent main --timeout 600 --message 'go on'
status=$?
if [ "$job" = job ]; then
    "$openclaw" cron add --name job --at 1s --session isolated --no-deliver --message 'go on' || status=1
    for _ in $(seq 3000); do
        (exec 3<>"/dev/tcp/127.0.0.1/$model" && printf 'GET %s HTTP/1.1\r\n\r\n' "$question" >&3 && grep -q true <&3) && break
        sleep 0.1
    done
fi
tail -n 30 ~/gateway.log >&2
exit $status
"#;

/// A port of the loopback that nobody listens on, and that the kernel gives nobody who asks for any: it is free for as long as the
/// gateway takes to start.
fn free_port() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = || std::process::id().wrapping_mul(61).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000;
    let ports = std::iter::repeat_with(number).map(|number| 20_000 + number).take(12_000);
    let is_free =
        |port: &u32| u16::try_from(*port).is_ok_and(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok());
    ports.into_iter().find(is_free).expect("a port of the loopback").to_string()
}

/// The person's own settings.
pub(crate) fn settings(world: &World, model: &Model) -> Value {
    let scripted = json!({
        "id": "scripted", "name": "scripted", "reasoning": false, "input": ["text"],
        "cost": {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0},
        "contextWindow": 196_608, "maxTokens": 8192,
    });
    json!({
        "models": {"mode": "merge", "providers": {"scripted": {
            "baseUrl": format!("{}/v1", model.url()), "apiKey": "scripted", "api": "openai-completions",
            "models": [scripted],
        }}},
        "agents": {"defaults": {
            "workspace": world.workspace, "skipBootstrap": true, "model": {"primary": "scripted/scripted"},
        }},
        "gateway": {"mode": "local", "bind": "loopback", "auth": {"mode": "token", "token": "scripted-token"}},
        "update": {"checkOnStart": false},
        // The longest: a shell call that a busy machine delays is still waited for.
        "tools": {"exec": {"backgroundMs": 120_000}},
    })
}

impl Client for OpenClaw {
    fn package(&self) -> &'static str {
        "openclaw"
    }

    fn name(&self) -> &'static str {
        "openclaw"
    }

    fn prepare(&self, world: &World, model: &Model) {
        let text = format!("// my own settings\n{:#}\n", settings(world, model));
        world.write(&world.at_home(".openclaw/openclaw.json"), &text);
    }

    fn session(&self, world: &World, model: &Model) -> Start {
        let program = world.client("openclaw/node_modules/.bin/openclaw").into_os_string();
        let turn = ["agent", "--local", "--agent", "main", "--timeout", "600", "--message", "go on"];
        match self {
            Self::Local => Start::new(&[program]).args(&turn),
            Self::Gateway | Self::Scheduled => {
                let port = free_port();
                let job = if matches!(self, Self::Scheduled) { "job" } else { "none" };
                let script = Start::new(&["/bin/bash", "-c", THROUGH_GATEWAY, "gateway"]);
                let words = [port.clone(), job.to_owned(), model.port().to_string(), IS_OVER.to_owned()];
                script.args(&[program]).args(&words).env("OPENCLAW_GATEWAY_PORT", port)
            }
        }
    }

    fn shell(&self, command: &str) -> Step {
        call("exec", json!({"command": command}))
    }

    fn read(&self, path: &str) -> Option<Step> {
        Some(call("read", json!({"path": path})))
    }

    fn write(&self, path: &str, content: &str) -> Step {
        call("write", json!({"path": path, "content": content}))
    }

    fn settings(&self) -> &'static [&'static str] {
        &[".openclaw/openclaw.json"]
    }

    fn repository_settings(&self) -> &'static [&'static str] {
        &[".openclaw/settings.json"]
    }
}
