/**
 * The sandbox backend `lobsterpot`: every command of a session runs under `sandbox-exec`, every file operation goes through
 * `fs-guard`. Paths inside are the host's own, so that memory, heartbeat and skills find their files.
 */
import { realpath } from "node:fs/promises";

import { createBridge } from "./bridge.mjs";
import { MARK, prepareCleanup } from "./cleanup.mjs";
import { Guard } from "./guard.mjs";
import { execution, launch } from "./launcher.mjs";
import { trustedProgram } from "./programs.mjs";
import { run } from "./run.mjs";
import { programPath } from "./settings.mjs";
import { copySkills } from "./skills.mjs";

/** The name under which OpenClaw's configuration selects the backend. */
export const BACKEND = "lobsterpot";

/** Most that a shell command of OpenClaw's own may write. */
const MAX_SHELL_OUTPUT = 64 * 1024 * 1024;

/** What is asked of this backend but not offered, by the configuration key. */
const UNSUPPORTED = [
  [(cfg) => cfg.workspaceAccess === "ro", "workspaceAccess \"ro\"", "choose \"rw\" or \"none\""],
  [(cfg) => (cfg.docker?.binds?.length ?? 0) > 0, "docker.binds", "list folders in the plugin's `readable` instead"],
];

/**
 * What OpenClaw's `registerSandboxBackend` takes.
 *
 * @param {import("./settings.mjs").Settings} settings
 * @param {import("./workspaces.mjs").Workspaces} workspaces
 * @param {import("./rewrites.mjs").Rewrites} rewrites
 */
export function createBackend(settings, workspaces, rewrites) {
  const guards = new Map();
  return {
    factory: (params) => createHandle({ settings, workspaces, rewrites, guards }, params),
    resolveWorkdir: ({ workspaceDir }) => workspaceDir,
    capabilities: { readOnlyResourceMounts: false },
    manager: {
      // Nothing lives on between calls but the file guard, which holds no state: there is nothing to repair or throw away.
      describeRuntime: async () => ({ running: true, configLabelMatch: true }),
      removeRuntime: async () => {},
    },
  };
}

/** One session's view of the backend. */
async function createHandle({ settings, workspaces, rewrites, guards }, params) {
  const asked = UNSUPPORTED.find(([applies]) => applies(params.cfg));
  if (asked) throw new Error(`The lobsterpot sandbox has no ${asked[1]}: ${asked[2]}.`);
  const workspace = await realpath(params.workspaceDir);
  if (params.cfg.workspaceAccess === "rw" && params.skillsWorkspaceDir) {
    await copySkills(`${params.skillsWorkspaceDir}/skills`, workspace);
  }
  workspaces.remember(params.sessionKey, workspace);
  const guard = guardOf(guards, settings, workspace);
  return {
    id: BACKEND,
    runtimeId: `${BACKEND}-${params.scopeKey}`,
    runtimeLabel: workspace,
    configLabel: BACKEND,
    configLabelKind: "Policy",
    workdir: workspace,
    env: {},
    buildExecSpec: async (request) => buildExecution(settings, workspace, rewrites, request),
    prepareProcessCleanup: prepareCleanup,
    runShellCommand: (command) => runShell(settings, workspace, command),
    createFsBridge: () => createBridge(guard, workspace, settings.readable),
  };
}

/** A command of the agent. The mark for the clean-up goes to the launcher alone. */
function buildExecution(settings, workspace, rewrites, request) {
  const { [MARK]: mark, ...env } = request.env;
  const original = rewrites.original(request.command);
  const spec = execution(settings, workspace, { ...request, command: original.command, env: { ...env, ...original.env } });
  return mark === undefined ? spec : { ...spec, env: { ...spec.env, [MARK]: mark } };
}

/** A shell command of OpenClaw's own, as for probes. */
async function runShell(settings, workspace, { script, args = [], stdin, signal, allowFailure }) {
  const { argv, env } = launch(settings, workspace, workspace, {}, ["/bin/sh", "-c", script, "openclaw", ...args]);
  const outcome = await run(argv, { env, cwd: workspace, stdin, signal, maxBytes: MAX_SHELL_OUTPUT });
  if (outcome.code !== 0 && allowFailure !== true) {
    throw new Error(`the sandboxed command ended with ${outcome.code}: ${outcome.stderr.toString("utf8").trim()}`);
  }
  return outcome;
}

/** The guard of a workspace; sessions of the same workspace share it. */
function guardOf(guards, settings, workspace) {
  const known = guards.get(workspace);
  if (known) return known;
  const guard = new Guard(() => ({
    argv: [
      trustedProgram(programPath(settings, "fs-guard"), [workspace]),
      ...settings.policy, "--workspace", workspace, "--directory", workspace, "serve",
    ],
    env: { ...process.env },
    cwd: workspace,
  }));
  guards.set(workspace, guard);
  return guard;
}
