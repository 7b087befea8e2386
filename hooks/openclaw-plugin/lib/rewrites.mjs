/**
 * Which commands the tool policy has rewritten, so that the sandbox backend can take the rewriting back.
 *
 * The policy cannot know for sure where a call will run: configuration changes while a turn runs, and a call may ask for the
 * host. So it always confines the command by rewriting it. Where OpenClaw then hands the command to our backend, which confines
 * it anyway, the original is run; everywhere else the rewritten one is. A command that is no longer remembered runs as it is,
 * inside: the launcher knows when it is in a sandbox already.
 */

/** How many commands are remembered. */
const MAX_COMMANDS = 1024;

/** Remembers rewritten commands. */
export class Rewrites {
  #originals = new Map();

  /**
   * Remembers what a rewritten command was.
   *
   * @param {string} rewritten
   * @param {{command: string, env: Record<string, string>}} original with the variables that the rewriting moved into the command
   */
  remember(rewritten, original) {
    this.#originals.delete(rewritten);
    this.#originals.set(rewritten, original);
    if (this.#originals.size > MAX_COMMANDS) this.#originals.delete(this.#originals.keys().next().value);
  }

  /** The command as it was before, or as it is. */
  original(command) {
    return this.#originals.get(command) ?? { command, env: {} };
  }
}
