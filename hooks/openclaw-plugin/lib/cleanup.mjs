/**
 * Ends what a command has started, when the one who ran it has lost sight of it.
 *
 * Everything in a sandbox ends with its launcher, so only launchers have to be found: they carry a mark in their environment,
 * which the policy does not pass on to what runs inside.
 */
import { randomUUID } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** The variable that marks a launcher. */
export const MARK = "OPENCLAW_LOBSTERPOT_RUN";

/** How long a launcher has to pass SIGTERM on before it is killed. */
const GRACE_MS = 1000;

/** How often it is looked whether it has ended. */
const LOOK_MS = 20;

/**
 * OpenClaw's `prepareProcessCleanup`.
 *
 * @param {Record<string, string>} env
 */
export function prepareCleanup(env) {
  const mark = randomUUID();
  return {
    env: { ...env, [MARK]: mark },
    interrupt: async () => signalAll(mark, "SIGINT").length > 0,
    terminate: async () => {
      signalAll(mark, "SIGTERM");
      if (await gone(mark, GRACE_MS)) return;
      signalAll(mark, "SIGKILL");
      if (!await gone(mark, GRACE_MS)) throw new Error("a sandbox outlived SIGKILL; look for sandbox-exec processes of yours");
    },
  };
}

/** Waits until no marked launcher is left. */
async function gone(mark, milliseconds) {
  for (let waited = 0; waited < milliseconds; waited += LOOK_MS) {
    if (marked(mark).length === 0) return true;
    await sleep(LOOK_MS);
  }
  return marked(mark).length === 0;
}

/** Sends the signal to every marked launcher and says which there were. */
function signalAll(mark, signal) {
  const found = marked(mark);
  for (const pid of found) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if (error.code !== "ESRCH") throw error; // one that has just ended is what was wanted
    }
  }
  return found;
}

/** Processes of this user that carry the mark. */
function marked(mark) {
  const wanted = Buffer.from(`${MARK}=${mark}\0`);
  return readdirSync("/proc").filter((name) => /^\d+$/u.test(name)).map(Number).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`).includes(wanted);
    } catch {
      return false; // another user's, or gone: not ours to end
    }
  });
}
