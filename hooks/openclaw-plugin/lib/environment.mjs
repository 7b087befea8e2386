/**
 * Which variables a command gets.
 *
 * The launcher builds the command's environment from the policy's allowlist; what OpenClaw's `exec` adds (the model's `env`,
 * variables of plugins and of its secret store) is handed over by name, never on a command line, where every user of the host
 * could read it.
 */

/** Variables of OpenClaw's request that are dealt with otherwise, or that it sets for containers only. */
const OURS = new Set(["PATH", "HOME"]);

/** Variables that nobody may set for a command: they choose folders of the policy, or the shell, or code to load. */
const REFUSED = new Set([
  "BASH_ENV", "BASHOPTS", "ENV", "IFS", "NODE_OPTIONS", "PERL5OPT", "PROMPT_COMMAND", "PS4", "PYTHONSTARTUP", "RUBYOPT",
  "SHELL", "SHELLOPTS", "TMPDIR", "ZDOTDIR",
]);

/** Beginnings of names that nobody may set for a command. */
const REFUSED_BEGINNINGS = ["LD_", "XDG_", "GCONV_", "LOBSTERPOT_", "BASH_FUNC_"];

/** A portable name. */
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/u;

/** The folders in which OpenClaw looks for programs when it knows of none. */
const DEFAULT_FOLDERS = new Set(["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]);

/**
 * The launcher's own environment, and the options that hand variables on.
 *
 * @param {Record<string, string | undefined>} gateway environment of the OpenClaw process
 * @param {Record<string, string>} requested what OpenClaw wants the command to have
 * @returns {{environment: Record<string, string>, options: string[]}}
 * @throws {Error} when a refused variable is asked for
 */
export function commandEnvironment(gateway, requested) {
  const added = Object.entries(requested).filter(([name]) => !OURS.has(name));
  for (const [name, value] of added) check(name, value);
  const path = searchPath(gateway.PATH, requested.PATH);
  return {
    environment: { ...defined(gateway), ...Object.fromEntries(added), ...(path ? { PATH: path } : {}) },
    options: added.flatMap(([name]) => ["--env", name]),
  };
}

/** The variables that have a value. */
function defined(variables) {
  return Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== undefined));
}

/** Refuses names that would steer more than the command. */
function check(name, value) {
  if (!NAME.test(name) || typeof value !== "string" || value.includes("\0")) {
    throw new Error(`Environment variable ${JSON.stringify(name)} cannot be handed to a command; use letters, digits and _`);
  }
  if (REFUSED.has(name) || REFUSED_BEGINNINGS.some((beginning) => name.startsWith(beginning))) {
    throw new Error(`Environment variable ${name} is kept from commands in the sandbox; set it in the command itself if you need it`);
  }
}

/** Folders that were put in front by configuration, then the gateway's own, then OpenClaw's default ones. */
function searchPath(gateway, requested) {
  const split = (path) => (path ?? "").split(":").filter((folder) => folder.startsWith("/"));
  const own = split(gateway);
  const asked = split(requested);
  const front = asked.filter((folder) => !own.includes(folder) && !DEFAULT_FOLDERS.has(folder));
  return [...new Set([...front, ...own, ...asked])].join(":");
}
