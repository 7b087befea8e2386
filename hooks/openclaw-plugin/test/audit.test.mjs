/** Findings: nothing to say about a sound installation, and something about each way in which it is not. */
import assert from "node:assert/strict";
import { chmodSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { createAudit, logFindings } from "../lib/audit.mjs";
import { commandLineBackends } from "../lib/backends.mjs";
import { program, scene } from "./support/stand-in.mjs";

/** A program of the plugin's version that succeeds whatever it is asked. */
const SOUND = "if (process.argv[2] === '--version') console.log('program 0.1.0');";

/** A configuration to which there is nothing to say. */
const CONFIGURED = Object.freeze({
  agents: { defaults: { sandbox: { mode: "all", backend: "lobsterpot", workspaceAccess: "rw" } } },
  plugins: { allow: ["lobsterpot"], entries: { lobsterpot: { enabled: true } } },
  tools: { fs: { workspaceOnly: true }, elevated: { enabled: false } },
});

/** The names of the findings about a scene, after it was changed. */
async function findings(t, { config = CONFIGURED, env = { SHELL: "/usr/local/bin/lobsterpot-shell" }, spoil = () => {}, configPath } = {}) {
  const names = ["sandbox-exec", "lobsterpot-egress", "sandbox-exec-hook", "fs-guard", "fs-guard-hook"];
  const place = scene(t, Object.fromEntries(names.map((name) => [name, SOUND])));
  spoil(place);
  const workspaces = { of: () => place.workspace };
  const audit = createAudit(place.settings, workspaces, "0.1.0");
  const path = configPath?.(place) ?? join(place.root, "openclaw.json");
  const found = await audit({ config, sourceConfig: config, env, stateDir: place.root, configPath: path });
  for (const { severity, title, detail } of found) assert.ok(["info", "warn", "critical"].includes(severity) && title && detail);
  return found.map(({ checkId }) => checkId).sort();
}

/** The sound configuration with one part replaced. */
const having = (part) => ({ config: { ...CONFIGURED, ...part } });

test("sound_installation_has_no_findings", async (t) => {
  assert.deepEqual(await findings(t), []);
});

for (const [check, change] of Object.entries({
  "program_missing": { spoil: ({ bin }) => rmSync(join(bin, "fs-guard-hook")) },
  "program_folder": { spoil: ({ bin }) => chmodSync(bin, 0o777) },
  "program_version": { spoil: ({ bin }) => program(bin, "fs-guard", "console.log('fs-guard 0.0.9')") },
  "policy_broken": { spoil: ({ bin }) => program(bin, "sandbox-exec", `${SOUND} else process.exit(65);`) },
  "launcher_hidden": { spoil: ({ bin }) => program(bin, "sandbox-exec", `${SOUND} else process.exit(process.argv.includes('--dry-run') ? 0 : 1);`) },
  "shell_launcher": { env: { SHELL: "/bin/bash" } },
  "file_tools": having({ tools: { elevated: { enabled: false } } }),
  "elevated": having({ tools: { fs: { workspaceOnly: true } } }),
  "plugin_allow": having({ plugins: { entries: {} } }),
  "plugin_off": having({ plugins: { allow: ["lobsterpot"], entries: { lobsterpot: { enabled: false } } } }),
  "configuration_in_workspace": { configPath: ({ workspace }) => join(workspace, "openclaw.json") },
  "cli_backend": having({ agents: { defaults: { ...CONFIGURED.agents.defaults, models: { "openai/x": { agentRuntime: { id: "codex" } } } } } }),
})) {
  test(`${check}_is_found`, async (t) => {
    const found = new Set(await findings(t, change));
    assert.deepEqual([...found], [`lobsterpot.${check}`]);
  });
}

for (const [name, sandbox] of Object.entries({
  off: { mode: "off" },
  for_some_sessions_only: { mode: "non-main", backend: "lobsterpot" },
  of_another_backend: { mode: "all", backend: "docker" },
  read_only: { mode: "all", backend: "lobsterpot", workspaceAccess: "ro" },
})) {
  test(`sandbox_that_is_${name}_is_found`, async (t) => {
    const found = await findings(t, having({ agents: { defaults: { sandbox } } }));
    assert.deepEqual(found, ["lobsterpot.backend_not_selected"]);
  });
}

test("findings_are_written_into_the_gateways_log_when_it_starts", async () => {
  const lines = [];
  const write = (level) => (line) => lines.push(`${level} ${line}`);
  const api = { logger: { error: write("error"), warn: write("warn"), info: write("info") }, runtime: { state: { resolveStateDir: () => "/s" } } };
  const found = (severity) => ({ checkId: "lobsterpot.x", severity, title: "T", detail: "D.", remediation: "R." });
  const contexts = [];
  const audit = async (context) => { contexts.push(context.configPath); return ["critical", "warn", "info"].map(found); };
  await logFindings(audit, { configuration: () => ({}) }, api);
  assert.deepEqual(lines, ["error [critical] lobsterpot.x: T. D. R.", "warn [warn] lobsterpot.x: T. D. R.", "info [info] lobsterpot.x: T. D. R."]);
  assert.deepEqual(contexts, [process.env.OPENCLAW_CONFIG_PATH ?? "/s/openclaw.json"]);
});

test("agent_that_overrides_the_sandbox_is_found", async (t) => {
  const list = [{ id: "main" }, { id: "loose", sandbox: { mode: "off" } }];
  const entries = { main: {}, loose: { sandbox: { backend: "docker" } } };
  for (const agents of [{ list }, { entries }]) {
    const found = await findings(t, having({ agents: { ...CONFIGURED.agents, ...agents } }));
    assert.deepEqual(found, ["lobsterpot.backend_not_selected"]);
  }
});

test("command_line_agents_are_found_wherever_a_model_is_named", () => {
  const agents = {
    defaults: { model: { primary: "openai/gpt", fallbacks: ["claude-cli/sonnet"] }, models: { "codex-cli/x": {}, "anthropic/y": { agentRuntime: { id: "claude-cli" } } } },
    list: [{ id: "codex", name: "copilot" }],
  };
  const found = commandLineBackends({ agents }).map(({ id, path }) => `${id} ${path}`);
  assert.deepEqual(found.sort(), [
    "claude-cli agents.defaults.model.fallbacks.0",
    "claude-cli agents.defaults.models.anthropic/y.agentRuntime.id",
    "codex-cli agents.defaults.models[\"codex-cli/x\"]",
  ]);
});
