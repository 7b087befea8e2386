//! OpenClaw, by itself (`agent --local`) and through its gateway.

use super::Client;
use crate::model::{Model, Step, call};
use crate::world::{Start, World};
use serde_json::{Value, json};
use std::net::{Ipv4Addr, TcpListener};

/// The client, in one of the ways that it is run.
pub(crate) enum OpenClaw {
    /// One turn without a gateway.
    Local,
    /// One turn through a gateway that was started for it.
    Gateway,
    /// The same, and then a job that the gateway runs by its own clock; it makes `job.txt`.
    Scheduled,
}

/// Starts a gateway, waits until it answers, and has it take a turn; the namespaces end both.
const THROUGH_GATEWAY: &str = r#"
openclaw=$1 port=$2 job=$3
"$openclaw" gateway run --port "$port" >~/gateway.log 2>&1 &
for _ in $(seq 600); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
    sleep 0.1
done
"$openclaw" agent --agent main --timeout 120 --message 'go on'
status=$?
if [ "$job" = job ]; then
    "$openclaw" cron add --name job --at 1s --session isolated --no-deliver --message 'go on' || status=1
    for _ in $(seq 400); do
        [ -e job.txt ] && break
        sleep 0.1
    done
    sleep 3 # the job still tells its model
fi
tail -n 30 ~/gateway.log >&2
exit $status
"#;

/// A port of the loopback that nobody listens on.
fn free_port() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port of the loopback");
    listener.local_addr().expect("its address").port().to_string()
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

    fn session(&self, world: &World, _model: &Model) -> Start {
        let program = world.client("openclaw/node_modules/.bin/openclaw").into_os_string();
        let turn = ["agent", "--local", "--agent", "main", "--timeout", "120", "--message", "go on"];
        match self {
            Self::Local => Start::new(&[program]).args(&turn),
            Self::Gateway | Self::Scheduled => {
                let port = free_port();
                let job = if matches!(self, Self::Scheduled) { "job" } else { "none" };
                let script = Start::new(&["/bin/bash", "-c", THROUGH_GATEWAY, "gateway"]);
                script.args(&[program, port.as_str().into(), job.into()]).env("OPENCLAW_GATEWAY_PORT", port)
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
