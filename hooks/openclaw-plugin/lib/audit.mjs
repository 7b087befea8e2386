/**
 * Findings for `openclaw security audit`: what would leave the agent less confined than its owner believes.
 */
import { basename, dirname, join } from "node:path";

import { BACKEND } from "./backend.mjs";
import { commandLineBackends } from "./backends.mjs";
import { loosestFolder, trustedProgram } from "./programs.mjs";
import { run } from "./run.mjs";
import { PROGRAMS, programPath } from "./settings.mjs";

/** Longest wait for a program of ours. */
const PROGRAM_MS = 5000;

/** Longest output of it. */
const MAX_OUTPUT = 1024 * 1024;

/** Names under which OpenClaw would not start a shell launcher as `launcher -c COMMAND`. */
const REAL_SHELLS = new Set(["sh", "bash", "zsh", "fish", "dash", "ksh", ""]);

/**
 * What OpenClaw's `registerSecurityAuditCollector` takes.
 *
 * @param {import("./settings.mjs").Settings} settings
 * @param {import("./workspaces.mjs").Workspaces} workspaces
 * @param {string} version of the plugin
 */
export function createAudit(settings, workspaces, version) {
  return async (context) => {
    const { config } = context;
    const groups = await Promise.all([
      programs(settings, version),
      policy(settings, workspaces),
      sandboxes(config),
      launcher(context.env),
      fileTools(config),
      plugins(config),
      configuration(workspaces, config, context.configPath),
      coverage(config),
    ]);
    return groups.flat();
  };
}

/**
 * Writes the findings into the gateway's log when it starts. The command `openclaw security audit` does not ask plugins in every
 * version (2026.9.6 does not), so this is where a person sees them; `lobsterpot status` checks the same from outside.
 *
 * @param {(context: object) => Promise<object[]>} audit
 * @param {import("./workspaces.mjs").Workspaces} workspaces
 * @param {object} api OpenClaw's plugin interface
 */
export async function logFindings(audit, workspaces, api) {
  const stateDir = api.runtime.state.resolveStateDir(process.env);
  const configPath = process.env.OPENCLAW_CONFIG_PATH ?? join(stateDir, "openclaw.json");
  const config = workspaces.configuration();
  const found = await audit({ config, sourceConfig: config, env: process.env, stateDir, configPath });
  for (const { checkId, severity, title, detail, remediation } of found) {
    const write = severity === "critical" ? api.logger.error : severity === "warn" ? api.logger.warn : api.logger.info;
    write(`[${severity}] ${checkId}: ${title}. ${detail} ${remediation}`);
  }
}

/** One finding. */
function finding(severity, check, title, detail, remediation) {
  return { checkId: `lobsterpot.${check}`, severity, title, detail, remediation };
}

/** Programs that are missing, can be written by others, or are of another version. */
async function programs(settings, version) {
  const checked = await Promise.all(PROGRAMS.map((name) => program(programPath(settings, name), version)));
  return checked.flat();
}

/** Findings about one program. Hooks only answer questions, so their version is that of the programs beside them. */
async function program(path, version) {
  const install = "Install Lobsterpot again: lobsterpot install openclaw";
  try {
    trustedProgram(path);
    const found = path.endsWith("-hook") ? version : await versionOf(path);
    const loose = loosestFolder(path);
    return [
      ...(found === version ? []
        : [finding("warn", "program_version", "A Lobsterpot program is of another version", `${path} says ${JSON.stringify(found)}; the plugin is ${version}.`, install)]),
      ...(loose === undefined ? []
        : [finding("critical", "program_folder", "Others can replace a Lobsterpot program", `${loose}, on the way to ${path}, can be written by others.`, `chmod go-w ${loose}`)]),
    ];
  } catch (error) {
    return [finding("critical", "program_missing", "A Lobsterpot program is missing or cannot be believed", error.message, install)];
  }
}

/** The version that a program says it has: the last word of `NAME VERSION`. */
async function versionOf(path) {
  const { stdout } = await run([path, "--version"], { env: {}, cwd: dirname(path), timeoutMs: PROGRAM_MS, maxBytes: MAX_OUTPUT });
  return stdout.toString("utf8").trim().split(" ").at(-1);
}

/** A policy that the launcher refuses, or a sandbox in which the launcher itself cannot be seen. */
async function policy(settings, workspaces) {
  const doctor = "Run `lobsterpot doctor`, or repair what is named.";
  try {
    const launcher = trustedProgram(programPath(settings, "sandbox-exec"));
    const workspace = workspaces.of({});
    const start = async (...rest) => run([launcher, ...settings.policy, "--workspace", workspace, ...rest],
      { env: process.env, cwd: workspace, timeoutMs: PROGRAM_MS, maxBytes: MAX_OUTPUT });
    const plan = await start("--dry-run", "--", "/bin/true");
    const words = plan.stderr.toString("utf8").trim() || `sandbox-exec --dry-run ended with ${plan.code}`;
    if (plan.code !== 0) return [finding("critical", "policy_broken", "The Lobsterpot policy cannot be used: every command is refused", words, doctor)];
    const inside = await start("--", "/bin/sh", "-c", "test -x \"$0\"", launcher);
    return inside.code === 0 ? [] : [finding("warn", "launcher_hidden", "The launcher is hidden in its own sandbox",
      `${launcher} cannot be started inside, so a command that is confined twice (by the tool policy and by SHELL) fails.`,
      "Install Lobsterpot in a folder that the policy shows, such as /usr/local/bin or ~/.local/bin.")];
  } catch (error) {
    return [finding("critical", "policy_broken", "The Lobsterpot policy could not be tried", error.message, doctor)];
  }
}

/** The configured agents: a list, or entries by id; without either there is one, called main. */
function agentsOf({ agents = {} }) {
  if (Array.isArray(agents.list)) return agents.list;
  const entries = Object.entries(agents.entries ?? {}).map(([id, entry]) => ({ id, ...entry }));
  return entries.length > 0 ? entries : [{ id: "main" }];
}

/** Agents whose sessions are not, or not all, in our backend. */
function sandboxes(config) {
  const defaults = config.agents?.defaults?.sandbox ?? {};
  return agentsOf(config).flatMap(({ id, sandbox }) => {
    const own = { ...defaults, ...sandbox };
    const problems = [
      ...(own.mode === "all" ? [] : [`mode is ${JSON.stringify(own.mode ?? "off")}, so some or all sessions run on the host`]),
      ...(own.backend === BACKEND ? [] : [`backend is ${JSON.stringify(own.backend ?? "docker")}`]),
      ...(own.workspaceAccess === "ro" ? ["workspaceAccess is \"ro\", which this backend refuses"] : []),
    ];
    if (problems.length === 0) return [];
    return [finding("critical", "backend_not_selected", `Agent ${id} is not in the Lobsterpot sandbox`, `${problems.join("; ")}.`,
      "Set agents.defaults.sandbox to {mode: \"all\", backend: \"lobsterpot\", scope: \"agent\", workspaceAccess: \"rw\"}, and remove what an agent overrides.")];
  });
}

/** The second layer for commands on the host. */
function launcher(env) {
  if (!REAL_SHELLS.has(basename(env.SHELL ?? ""))) return [];
  return [finding("warn", "shell_launcher", "Commands on the host have no second layer", `SHELL is ${JSON.stringify(env.SHELL ?? "")}: if the plugin were gone and the sandbox off, commands would run unconfined.`,
    "Start the gateway with SHELL set to the lobsterpot-shell that the installer made.")];
}

/** File tools outside of the backend, and the way around it. */
function fileTools(config) {
  const tools = config.tools ?? {};
  return [
    ...(tools.fs?.workspaceOnly === true ? []
      : [finding("warn", "file_tools", "File tools have no second layer", "tools.fs.workspaceOnly is not true.", "openclaw config set tools.fs.workspaceOnly true")]),
    ...(tools.elevated?.enabled === false ? []
      : [finding("info", "elevated", "Commands may ask for the host", "tools.elevated.enabled is not false. Such commands are confined by the tool policy, not by the backend.", "openclaw config set tools.elevated.enabled false")]),
  ];
}

/** Whether OpenClaw would load this plugin, and this one only by consent. */
function plugins(config) {
  const { allow, deny = [], enabled, entries } = config.plugins ?? {};
  const off = enabled === false || deny.includes(BACKEND) || entries?.[BACKEND]?.enabled === false;
  const listed = Array.isArray(allow) && allow.includes(BACKEND);
  return [
    ...(off ? [finding("critical", "plugin_off", "The Lobsterpot plugin is switched off", "From the next start on, sessions in the sandbox fail and those outside are unguarded.", "openclaw plugins enable lobsterpot")] : []),
    ...(listed ? [] : [finding("warn", "plugin_allow", "The Lobsterpot plugin is not in plugins.allow", "Without the list any plugin that is found may be loaded, also one that takes confinement away.", "Add lobsterpot, and every other plugin you use, to plugins.allow.")]),
  ];
}

/** A configuration that the agent could write. */
function configuration(workspaces, config, configPath) {
  return agentsOf(config).flatMap(({ id }) => {
    const workspace = attempt(() => workspaces.of({ agentId: id }));
    if (workspace === undefined || !configPath.startsWith(`${workspace}/`)) return [];
    return [finding("critical", "configuration_in_workspace", "The agent can write OpenClaw's configuration", `${configPath} lies in the workspace of agent ${id}.`, "Move one of them.")];
  });
}

/** Command-line agents, which run their own tools: the sandbox backend does not hold them. */
function coverage(config) {
  return commandLineBackends(config).filter(({ covered }) => !covered).map(({ id, path }) =>
    finding("critical", "cli_backend", `${id} runs its own tools outside of the sandbox`, `${path} selects ${id}, and its hooks are not installed where it reads them.`,
      "Run `lobsterpot install` for that client, or choose another runtime for the model."));
}

/** The value, or nothing when it cannot be had. */
function attempt(work) {
  try {
    return work();
  } catch {
    return undefined;
  }
}
