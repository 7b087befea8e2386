/**
 * The launcher's command line for one command of an OpenClaw session.
 */
import { accessSync, constants } from "node:fs";

import { commandEnvironment } from "./environment.mjs";
import { trustedProgram } from "./programs.mjs";
import { programPath } from "./settings.mjs";

/** Shells in order of preference, as the launcher has them. */
const SHELLS = ["/bin/bash", "/bin/sh"];

/** The program that gives a command a terminal of its own. */
const TERMINAL_PROGRAM = "/usr/bin/script";

/**
 * What OpenClaw needs to start a command of the agent. The launcher is started in the workspace: from a folder further up it
 * would not believe a policy file of the user's, since that folder could be writable for the command.
 *
 * @param {import("./settings.mjs").Settings} settings
 * @param {string} workspace
 * @param {{command: string, workdir?: string, env: Record<string, string>, usePty: boolean}} request
 * @returns {{argv: string[], env: Record<string, string>, cwd: string, stdinMode: "pipe-open" | "pipe-closed"}}
 */
export function execution(settings, workspace, request) {
  const shell = SHELLS.find(exists) ?? "/bin/sh";
  const inner = request.usePty ? terminal(shell, request.command) : [shell, "-c", request.command];
  const { argv, env } = launch(settings, workspace, request.workdir ?? workspace, request.env, inner);
  return { argv, env, cwd: workspace, stdinMode: request.usePty ? "pipe-open" : "pipe-closed" };
}

/**
 * The launcher with any program inside.
 *
 * @param {import("./settings.mjs").Settings} settings
 * @param {string} workspace
 * @param {string} folder where the program starts
 * @param {Record<string, string>} variables on top of those that the policy passes
 * @param {string[]} inner the program and its arguments
 * @returns {{argv: string[], env: Record<string, string>}}
 */
export function launch(settings, workspace, folder, variables, inner) {
  const program = trustedProgram(programPath(settings, "sandbox-exec"), [workspace]);
  const { environment, options } = commandEnvironment(process.env, variables);
  return {
    argv: [program, ...settings.policy, "--workspace", workspace, "--chdir", folder, ...options, "--", ...inner],
    env: environment,
  };
}

/**
 * The command with a terminal of its own, made inside the sandbox: OpenClaw leaves that to the backend.
 *
 * @throws {Error} when the host has no program for it
 */
function terminal(shell, command) {
  if (!exists(TERMINAL_PROGRAM)) {
    throw new Error(`A terminal needs ${TERMINAL_PROGRAM} (package util-linux or bsdutils), which this host lacks; run the command without pty`);
  }
  return [TERMINAL_PROGRAM, "--quiet", "--return", "--flush", "--command", `exec ${shell} -c ${quote(command)}`, "/dev/null"];
}

/** One word for a shell. */
export function quote(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Whether the program can be started. */
function exists(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
