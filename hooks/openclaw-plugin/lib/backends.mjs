/**
 * Which command-line agents OpenClaw is configured to use. They run tools of their own, which no sandbox backend of OpenClaw's
 * holds; only hooks of their own do.
 */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** Runtimes that run tools of their own, with the settings files in which hooks of ours count. */
const RUNTIMES = Object.freeze({
  "claude-cli": [join(homedir(), ".claude/settings.json"), "/etc/claude-code/managed-settings.json"],
  "codex": [],
  "codex-cli": [],
  "codex-app-server": [],
  "google-gemini-cli": [],
  "gemini-cli": [],
  "copilot": [],
});

/** What such a file must name to hold the client's shell and its file tools. */
const HOOKS = ["sandbox-exec-hook", "fs-guard-hook"];

/**
 * Every place of the configuration that selects such an agent.
 *
 * @param {object} config OpenClaw's configuration
 * @returns {{id: string, path: string, covered: boolean}[]}
 */
export function commandLineBackends(config) {
  const found = [];
  visit(config.agents, "agents", (value, path) => {
    const id = runtimeOf(value, path);
    if (id !== undefined) found.push({ id, path, covered: RUNTIMES[id].some(holdsHooks) });
  });
  return found;
}

/** The runtime that a value selects: `agentRuntime.id`, or a model whose provider is one. */
function runtimeOf(value, path) {
  const id = path.endsWith(".agentRuntime.id") ? value : value.split("/")[0];
  const isReference = path.endsWith(".agentRuntime.id") || value.includes("/");
  return isReference && Object.hasOwn(RUNTIMES, id) ? id : undefined;
}

/** Calls `see` with every string in a value, and every key, with the path to it. */
function visit(value, path, see) {
  if (typeof value === "string") see(value, path);
  if (value === null || typeof value !== "object") return;
  for (const [key, entry] of Object.entries(value)) {
    if (key.includes("/")) see(key, `${path}[${JSON.stringify(key)}]`);
    visit(entry, `${path}.${key}`, see);
  }
}

/** Whether a settings file names our hooks. */
function holdsHooks(path) {
  try {
    const text = readFileSync(path, "utf8");
    return HOOKS.every((name) => text.includes(name));
  } catch {
    return false;
  }
}
