/**
 * The plugin's configuration, checked once and turned into what the other parts use.
 *
 * OpenClaw has compared it with the schema in `openclaw.plugin.json` before; what a schema cannot say is checked here.
 */
import { isAbsolute, join, normalize } from "node:path";

/** Names of this project's programs. */
export const PROGRAMS = Object.freeze(["sandbox-exec", "lobsterpot-egress", "sandbox-exec-hook", "fs-guard", "fs-guard-hook"]);

/** The keys that the configuration may have. */
const KEYS = new Set(["bin", "profile", "policies", "readable"]);

/** The built-in profiles. */
const PROFILES = new Set(["agent", "strict", "dev"]);

/**
 * @typedef {object} Settings
 * @property {string} bin absolute folder of the programs
 * @property {readonly string[]} readable folders that may be read besides the workspace
 * @property {readonly string[]} policy options about the policy that every program of ours understands
 */

/**
 * Reads the configuration that a person wrote.
 *
 * @param {unknown} configuration `plugins.entries.lobsterpot.config`
 * @returns {Settings}
 * @throws {Error} naming the key that is wrong
 */
export function readSettings(configuration) {
  if (configuration === null || typeof configuration !== "object" || Array.isArray(configuration)) {
    throw new Error("lobsterpot: plugins.entries.lobsterpot.config is missing; it needs at least `bin`");
  }
  for (const key of Object.keys(configuration)) {
    if (!KEYS.has(key)) throw new Error(`lobsterpot: unknown setting \`${key}\``);
  }
  const { profile } = configuration;
  if (profile !== undefined && !PROFILES.has(profile)) {
    throw new Error("lobsterpot: `profile` is agent, strict or dev");
  }
  const bin = absolute(configuration.bin, "bin");
  const policies = folders(configuration.policies, "policies");
  const readable = folders(configuration.readable, "readable");
  const policy = [
    ...(profile === undefined ? [] : ["--profile", profile]),
    ...policies.flatMap((file) => ["--policy", file]),
    ...readable.flatMap((folder) => ["--ro", folder]),
  ];
  return Object.freeze({ bin, policy: Object.freeze(policy), readable: Object.freeze(readable) });
}

/**
 * The absolute path of one of our programs.
 *
 * @param {Settings} settings
 * @param {string} name one of `PROGRAMS`
 */
export function programPath(settings, name) {
  return join(settings.bin, name);
}

/** A list of absolute paths; a missing one is empty. */
function folders(value, key) {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new Error(`lobsterpot: \`${key}\` is a list of absolute paths`);
  return value.map((entry) => absolute(entry, key));
}

/** An absolute path without anything that a program would refuse. */
function absolute(value, key) {
  if (typeof value !== "string" || !isAbsolute(value) || value.includes("\0")) {
    throw new Error(`lobsterpot: \`${key}\` needs an absolute path`);
  }
  return normalize(value);
}
