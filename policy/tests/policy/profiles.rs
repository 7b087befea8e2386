//! What the built-in profiles hide, show and protect.

use std::collections::BTreeSet;
use std::path::Path;

use lobsterpot_policy::{
    Access, HomeView, Judge, Layer, LoadRequest, NetworkMode, Permission, Places, Policy, ProfileName, Requirement,
    Rule, ToolKind, load,
};

use crate::world::{World, request};

/// A profile on its own.
fn profile(profile: ProfileName) -> Policy {
    load(&LoadRequest { profile: Some(profile), ..request() }, &World::default()).unwrap()
}

/// A host whose home folder holds an ordinary and an OpenClaw workspace.
fn places() -> Places {
    Places {
        home: "/home/me".into(),
        homes: vec!["/home/me".into()],
        uid: 1000,
        workspaces: vec!["/home/me/work".into(), "/home/me/.openclaw/workspace".into()],
        ..Places::default()
    }
}

/// Secrets of every kind, relative to home or absolute.
const SECRETS: &[&str] = &[
    "~/.openclaw/.env",
    "~/.openclaw/openclaw.json",
    "~/.openclaw/openclaw.json.bak.1",
    "~/.openclaw/config-journal-fingerprint.key",
    "~/.openclaw/secrets.json",
    "~/.openclaw/credentials/whatsapp/creds.json",
    "~/.openclaw/state/openclaw.sqlite-wal",
    "~/.openclaw/agents/main/agent/auth-profiles.json",
    "~/.openclaw/agents/main/agent/codex-home/auth.json",
    "~/.openclaw/agents/main/sessions/1.jsonl",
    "~/.openclaw/extensions/guard/index.mjs",
    "~/.openclaw/npm/x",
    "~/.openclaw/sandboxes/x",
    "~/.openclaw/cache/shell-snapshots/a.sh",
    "~/.openclaw/tmp/agent-cli/openclaw",
    "~/.openclaw/logs/gateway.log",
    "~/.openclaw-dev/openclaw.json",
    "~/.openclaw-work/.env",
    "/tmp/openclaw/openclaw-2026.log",
    "/tmp/openclaw-1000/x",
    "~/.claude/settings.json",
    "~/.claude/.credentials.json",
    "~/.claude.json",
    "~/.claude.json.backup",
    "~/.codex/auth.json",
    "~/.gemini/oauth_creds.json",
    "~/.copilot/hooks/x.json",
    "~/.config/opencode/opencode.json",
    "~/.local/share/opencode/auth.json",
    "~/.cursor/hooks.json",
    "~/.ssh/id_ed25519",
    "~/.gnupg/private-keys-v1.d/x",
    "~/.aws/credentials",
    "~/.azure/x",
    "~/.config/gcloud/credentials.db",
    "~/.kube/config",
    "~/.docker/config.json",
    "~/.config/gh/hosts.yml",
    "~/.netrc",
    "~/.npmrc",
    "~/.pypirc",
    "~/.cargo/credentials",
    "~/.cargo/credentials.toml",
    "~/.git-credentials",
    "~/.config/git/credentials",
    "~/.password-store/x.gpg",
    "~/.local/share/keyrings/login.keyring",
    "~/.local/share/mkcert/rootCA-key.pem",
    "~/.local/share/caddy/pki/authorities/local/root.key",
    "~/.local/share/uv/credentials/credentials.toml",
    "~/.local/share/amp/secrets.json",
    "~/.local/share/signal-cli/data/accounts.json",
    "~/.local/share/qutebrowser/webengine/Cookies",
    "~/.local/share/password-store/x.gpg",
    "~/.local/share/gopass/stores/root/x.gpg",
    "~/.local/share/gnupg/private-keys-v1.d/x",
    "~/.local/share/chezmoi/private_dot_netrc",
    "~/.local/share/sops/age/keys.txt",
    "~/.local/share/aws-sso/x",
    "~/.local/share/nvim/shada/main.shada",
    "~/.local/share/Steam/config/loginusers.vdf",
    "~/.local/share/code-server/coder.json",
    "~/.local/share/flatpak/overrides/global",
    "~/.mozilla/firefox/x/logins.json",
    "~/.config/google-chrome/Default/Cookies",
    "~/.config/chromium/Default/Login Data",
    "~/.config/BraveSoftware/x",
    "~/.bash_history",
    "~/.zsh_history",
    "~/.python_history",
    "~/.node_repl_history",
    "~/.local/share/fish/fish_history",
    "~/.local/share/atuin/history.db",
    "~/.lesshst",
    "~/.viminfo",
    "~/secrets/x",
    "~/.config/systemd/user/openclaw-gateway.service",
    "~/.config/systemd/user/openclaw-gateway.service.d/env.conf",
    "~/.config/lobsterpot/policy.toml",
    "/etc/shadow",
    "/etc/shadow-",
    "/etc/gshadow",
    "/etc/ssh/ssh_host_ed25519_key",
    "/etc/sudoers.d/x",
    "/etc/ssl/private/x",
    "/run/docker.sock",
    "/run/containerd/containerd.sock",
    "/run/user/1000/bus",
    "/run/dbus/system_bus_socket",
    "/run/secrets/x",
    "/var/log/auth.log",
    "~/work/.env",
    "~/work/secrets/x",
    "~/work/.env.local",
    "~/.openclaw/workspace/.env",
];

/// The path that a text of these tests means.
fn real(text: &str) -> String {
    text.replacen('~', "/home/me", 1)
}

#[test]
fn every_known_secret_is_masked_in_every_profile_however_much_is_readable() {
    for name in ProfileName::ALL {
        let mut policy = profile(name);
        for _ in 0..2 {
            let judge = Judge::new(&policy, &places());
            for secret in SECRETS {
                for access in [Access::Read, Access::Write, Access::Connect] {
                    let verdict = judge.path(Path::new(&real(secret)), access);
                    assert_eq!(verdict.reason.as_str(), "fs.masked", "{name}: {secret}");
                }
            }
            policy.files.home = HomeView::ReadOnly;
        }
    }
}

#[test]
fn other_homes_and_unlisted_places_are_outside() {
    let judge = Judge::new(&profile(ProfileName::Agent), &places());
    for path in [
        "/home/other/notes",
        "/root/x",
        "~/notes",
        "~/.bashrc",
        "/run/systemd/resolve/io.systemd.Resolve",
        "/var/lib/x",
        "/proc/1",
        "/",
    ] {
        assert_eq!(judge.path(Path::new(&real(path)), Access::Read).reason.as_str(), "fs.outside-workspace", "{path}");
    }
}

#[test]
fn toolchains_and_git_settings_are_readable_and_nothing_more() {
    let judge = Judge::new(&profile(ProfileName::Agent), &places());
    for path in [
        "/usr/bin/git",
        "/lib64/ld-linux-x86-64.so.2",
        "/etc/passwd",
        "/etc/resolv.conf",
        "/etc/ssl/certs/ca.pem",
        "/etc/ssh/ssh_config",
        "/run/systemd/resolve/stub-resolv.conf",
        "~/.cargo/bin/cargo",
        "~/.rustup/toolchains/x",
        "~/.nvm/versions/node/x",
        "~/.pyenv/shims/x",
        "~/.local/bin/uv",
        "~/.local/lib/x",
        "~/.local/share/uv/python/x",
        "~/.local/share/mise/installs/x",
        "~/.local/share/nvim/site/pack/x",
        "~/.bun/bin/bun",
        "~/.deno/bin/deno",
        "~/go/bin/x",
        "~/.gitconfig",
        "~/.config/git/config",
        "~/.npm/_cacache/index-v5/x",
    ] {
        assert_eq!(judge.path(Path::new(&real(path)), Access::Execute).reason.as_str(), "allowed", "{path}");
        assert_eq!(judge.path(Path::new(&real(path)), Access::Write).reason.as_str(), "fs.read-only", "{path}");
    }
}

#[test]
fn honest_work_in_a_workspace_is_allowed() {
    let judge = Judge::new(&profile(ProfileName::Agent), &places());
    for path in [
        "~/work/src/main.rs",
        "~/work/.git/index",
        "~/work/.git/HEAD",
        "~/work/config",
        "~/work/objects/x",
        "~/work/refs/heads/x",
        "~/work/src/HEAD",
        "~/work/.git/refs/heads/x",
        "~/work/.git/worktrees/a/HEAD",
        "~/work/.gitmodules",
        "~/work/.git/modules/m/objects/info/packs",
        "~/work/.git/modules/m/refs/heads/config",
        "~/work/.github/workflows/ci.yml",
        "~/work/package.json",
        "~/work/.husky/pre-commit",
        "~/work/CLAUDE.md",
        "~/work/.env.example",
        "~/work/hooks/src/main.rs",
        "~/.openclaw/workspace/MEMORY.md",
        "/tmp/x",
        "~/.cache/npm/x",
        "/dev/shm/x",
    ] {
        assert_eq!(judge.path(Path::new(&real(path)), Access::Write).reason.as_str(), "allowed", "{path}");
    }
}

#[test]
fn what_runs_code_outside_later_cannot_be_written_in_any_workspace() {
    let judge = Judge::new(&profile(ProfileName::Agent), &places());
    for root in ["/home/me/work", "/home/me/.openclaw/workspace"] {
        for name in [
            ".git/hooks/pre-commit",
            ".git/config",
            ".git/config.worktree",
            ".git/info/attributes",
            ".git/commondir",
            ".git/objects/info/alternates",
            ".git/worktrees/a/commondir",
            ".git/modules/m/config",
            ".git/modules/m/hooks/x",
            ".git/modules/m/commondir",
            ".git/modules/libs/m/config",
            ".git/modules/m/modules/n/hooks/x",
            "HEAD",
            ".claude/settings.local.json",
            ".mcp.json",
            ".codex/hooks.json",
            ".gemini/settings.json",
            ".cursor/mcp.json",
            ".clinerules/hooks/x",
            ".opencode/plugin/x.js",
            "opencode.json",
            "opencode.jsonc",
            "crush.json",
            ".crush.json",
            ".factory/settings.json",
            ".amazonq/mcp.json",
            ".junie/mcp/mcp.json",
            ".kilocode/mcp.json",
            ".trae/mcp.json",
            ".augment/settings.json",
            ".amp/settings.json",
            ".fleet/run.json",
            ".github/hooks/x.json",
            ".vscode/tasks.json",
            ".idea/x",
            ".envrc",
            ".bashrc",
            ".zshrc",
            ".profile",
            ".lobsterpot.toml",
            ".openclaw/settings.json",
        ] {
            let path = Path::new(root).join(name);
            assert_eq!(judge.path(&path, Access::Write).reason.as_str(), "fs.protected", "{}", path.display());
            assert_eq!(judge.path(&path, Access::Read).reason.as_str(), "allowed", "{}", path.display());
        }
    }
}

#[test]
fn a_moved_xdg_folder_is_masked_as_well_as_the_default_one() {
    let mut places = places();
    places.xdg.insert("XDG_CONFIG_HOME".to_owned(), vec!["/home/me/.cargo/conf".into()]);
    let judge = Judge::new(&profile(ProfileName::Agent), &places);
    for path in ["/home/me/.cargo/conf/gh/hosts.yml", "/home/me/.config/gh/hosts.yml"] {
        assert_eq!(judge.path(Path::new(path), Access::Read).reason.as_str(), "fs.masked", "{path}");
    }
}

#[test]
fn nothing_that_carries_a_secret_or_loads_code_is_passed_on() {
    for name in ProfileName::ALL {
        let policy = profile(name);
        for variable in [
            "OPENAI_API_KEY",
            "ANTHROPIC_API_KEY",
            "OPENCLAW_GATEWAY_TOKEN",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_PROFILE",
            "GITHUB_TOKEN",
            "GH_TOKEN",
            "NPM_TOKEN",
            "CARGO_REGISTRY_TOKEN",
            "CARGO_REGISTRIES_X_TOKEN",
            "GOPROXY",
            "SSH_AUTH_SOCK",
            "SSH_AGENT_PID",
            "GPG_AGENT_INFO",
            "DBUS_SESSION_BUS_ADDRESS",
            "XDG_RUNTIME_DIR",
            "DISPLAY",
            "WAYLAND_DISPLAY",
            "XAUTHORITY",
            "DOCKER_HOST",
            "KUBECONFIG",
            "HTTP_PROXY",
            "https_proxy",
            "LD_PRELOAD",
            "LD_LIBRARY_PATH",
            "LD_AUDIT",
            "BASH_ENV",
            "ENV",
            "PERL5OPT",
            "PERL5LIB",
            "NODE_OPTIONS",
            "RUBYOPT",
            "PYTHONSTARTUP",
            "PYTHONHOME",
            "GIT_DIR",
            "GIT_CONFIG_COUNT",
            "GIT_SSH_COMMAND",
            "RUSTC_WRAPPER",
            "CLAUDE_CODE_MESSAGING_TOKEN",
            "CLAUDE_CODE_MESSAGING_SOCKET",
            "JAVA_TOOL_OPTIONS",
            "VAULT_TOKEN",
            "DATABASE_URL",
            "PROMPT_COMMAND",
            "IFS",
        ] {
            let passed = policy.environment.pass.iter().find(|pattern| pattern.matches(variable.as_ref()));
            assert!(passed.is_none(), "{name} passes {variable} by {passed:?}");
        }
        assert!(policy.environment.pass.iter().any(|pattern| pattern.matches("PATH".as_ref())));
    }
}

#[test]
fn the_default_profile_is_agent_with_listed_hosts_only_and_with_every_layer_stated() {
    let policy = World::default().load().unwrap();
    assert_eq!(policy.profile, "agent");
    assert_eq!((policy.files.home, policy.network.mode), (HomeView::Hide, NetworkMode::Allowlist));
    assert!(policy.network.judge("static.crates.io", 443).is_ok() && policy.network.judge("example.com", 443).is_err());
    assert!(
        policy.network.judge("api.anthropic.com", 443).is_err()
            && !policy.network.proxy
            && policy.network.publish.is_empty()
    );
    assert_eq!(policy.requirements.stated.len(), Layer::ALL.len());
    let limits = &policy.limits;
    let bounded = [limits.processes, limits.memory, limits.file_size, limits.open_files, limits.core, limits.tmpfs];
    assert!(bounded.iter().all(Option::is_some));
    assert_eq!((limits.core, limits.wall_clock, limits.grace.as_millis()), (Some(0), None, 250));
    assert!(policy.files.sockets.is_empty() && policy.files.write.is_empty());
}

#[test]
fn strict_lets_nothing_back_of_the_home_folder_and_dev_only_adds_two_permissions_and_lifts_one_limit() {
    let strict = profile(ProfileName::Strict);
    let in_home: Vec<&Rule> = strict.files.read.iter().filter(|rule| rule.pattern.is_in_home()).collect();
    assert!(in_home.is_empty(), "{in_home:?}");
    assert_eq!((strict.files.home, strict.network.mode), (HomeView::Hide, NetworkMode::None));
    assert!(strict.network.rules.is_empty() && strict.network.judge("static.crates.io", 443).is_err());
    let (agent, mut dev) = (profile(ProfileName::Agent), profile(ProfileName::Dev));
    assert_eq!((dev.syscalls.ptrace, dev.syscalls.user_namespaces), (Permission::Allow, Permission::Allow));
    assert_eq!(dev.limits.memory, None, "the sanitizers reserve more addresses than there is memory");
    (dev.syscalls, dev.sources, dev.profile) = (agent.syscalls, agent.sources.clone(), agent.profile.clone());
    dev.limits.memory = agent.limits.memory;
    assert_eq!(dev, agent);
}

#[test]
fn every_known_client_has_its_shell_tool_confined() {
    let judge = Judge::new(&profile(ProfileName::Agent), &places());
    for (client, tool) in [
        ("claude-code", "Bash"),
        ("claude-code", "Monitor"),
        ("codex", "Bash"),
        ("gemini-cli", "run_shell_command"),
        ("copilot-cli", "bash"),
        ("copilot-cli", "Bash"),
        ("opencode", "bash"),
        ("cursor", "Shell"),
        ("cline", "execute_command"),
        ("openclaw", "exec"),
    ] {
        assert_eq!(judge.tool(client, tool), ToolKind::Shell, "{client} {tool}");
    }
    assert_eq!(judge.tool("claude-code", "Edit"), ToolKind::File);
}

#[test]
fn no_list_names_a_pattern_twice_and_every_rule_names_its_line() {
    for name in ProfileName::ALL {
        let files = profile(name).files;
        for rules in [files.read, files.write, files.scratch, files.mask, files.protect] {
            let texts: BTreeSet<&str> = rules.iter().map(|rule| rule.pattern.text()).collect();
            assert_eq!(texts.len(), rules.len(), "{name}");
            assert!(rules.iter().all(|rule| rule.origin.line > 0));
        }
    }
}

#[test]
fn secret_stores_and_system_folders_cannot_become_workspaces() {
    let judge = Judge::new(&profile(ProfileName::Agent), &places());
    let decision = |path: &str| format!("{:?}", judge.workspace(Path::new(path)).decision);
    for path in [
        "/",
        "/home",
        "/home/me",
        "/etc",
        "/usr",
        "/var",
        "/run",
        "/tmp",
        "/home/me/.ssh",
        "/home/me/.openclaw",
        "/home/me/.config",
        "/home/me/.local",
    ] {
        assert_eq!(decision(path), "Deny", "{path}");
    }
    for path in ["/home/me/project", "/tmp/project", "/opt/project", "/home/me/.ssh/project"] {
        assert_eq!(decision(path), "Ask", "{path}");
    }
    for path in ["/home/me/.openclaw/workspace", "/home/me/.openclaw/workspace-two", "/home/me/.openclaw-dev/workspace"]
    {
        assert_eq!(decision(path), "Allow", "{path}");
    }
}

#[test]
fn a_layer_that_nobody_mentions_is_required() {
    assert_eq!(lobsterpot_policy::Requirements::default().of(Layer::Cgroup), Requirement::Require);
}
