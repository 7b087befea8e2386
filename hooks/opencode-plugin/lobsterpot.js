/**
 * Lobsterpot for opencode: every tool call is shown to the two hooks before it runs.
 *
 * `sandbox-exec-hook` puts shell commands into the sandbox, `fs-guard-hook` judges the paths of everything else; which tool
 * is which, the policy says. A call goes ahead only when both have answered with one line that allows it. Whatever else
 * happens (no program, no answer, a late one, one that is not understood) ends in an exception, and opencode then does not
 * run the tool.
 *
 * The file must load in any case: opencode goes on without a plugin that fails at its start.
 */

import { spawn } from "node:child_process";

/** The folder of the two programs, absolute. The installer writes it here; as it stands, every call is stopped. */
const FOLDER = "@LOBSTERPOT_BIN@";

/** The version of the protocol. */
const VERSION = 1;

/** How long a hook may take. Its own deadline is shorter. */
const DEADLINE_MS = 8000;

/** The most that is read of an answer: a whole input comes back, so it may be long. */
const MAX_ANSWER = 32 * 1024 * 1024;

/** Runs one hook on a payload, and resolves to what it wrote to standard output and its exit status. */
function run(program, payload) {
  return new Promise((resolve, reject) => {
    // No variable reaches the hook: a project's settings could set them.
    const child = spawn(`${FOLDER}/${program}`, ["--client", "opencode"], { env: {}, stdio: ["pipe", "pipe", "ignore"] });
    const chunks = [];
    let length = 0;
    const fail = (why) => {
      clearTimeout(timer);
      child.kill("SIGKILL");
      reject(new Error(`${program}: ${why}`));
    };
    const timer = setTimeout(() => fail(`no answer within ${DEADLINE_MS} ms`), DEADLINE_MS);
    child.on("error", (error) => fail(error.message));
    child.stdout.on("data", (chunk) => {
      length += chunk.length;
      chunks.push(chunk);
      if (length > MAX_ANSWER) fail("the answer is too long");
    });
    child.on("close", (status) => {
      clearTimeout(timer);
      resolve({ answer: Buffer.concat(chunks).toString("utf8"), status });
    });
    // A hook that has answered without reading everything closes the pipe; its answer decides.
    child.stdin.on("error", () => {});
    child.stdin.end(payload);
  });
}

/** The decision in a hook's answer: one line of JSON, with `allow`, `ask` or `deny`. A hook that ends badly allows nothing. */
function decided(program, { answer, status }) {
  const fault = () => new Error(`${program}: its answer is not understood, so the call is stopped`);
  if (!answer.endsWith("\n") || answer.indexOf("\n") !== answer.length - 1) throw fault();
  let decision;
  try {
    decision = JSON.parse(answer);
  } catch {
    throw fault();
  }
  if (decision?.decision === "allow" && status === 0) return decision;
  throw typeof decision?.reason === "string" && decision.reason !== "" ? new Error(decision.reason) : fault();
}

/** Asks one hook; throws unless it allows the call. */
async function ask(program, payload) {
  return decided(program, await run(program, payload));
}

/** Puts a rewritten input in the place of the tool's own. In place: opencode ignores another object. */
function rewrite(args, params) {
  for (const [name, value] of Object.entries(params)) {
    if (JSON.stringify(args[name]) === JSON.stringify(value)) continue;
    args[name] = value;
    if (args[name] !== value) throw new Error("the call's input cannot be changed, so the call is stopped");
  }
}

/** The plugin. opencode calls it once for each folder that it works in, and tells it that folder. */
export const Lobsterpot = async ({ directory, worktree }) => ({
  "tool.execute.before": async (input, output) => {
    const payload = JSON.stringify({ client: "opencode", version: VERSION, input, output, directory, worktree });
    const [shell] = await Promise.all([ask("sandbox-exec-hook", payload), ask("fs-guard-hook", payload)]);
    if (shell.params !== undefined) rewrite(output.args, shell.params);
  },
});
