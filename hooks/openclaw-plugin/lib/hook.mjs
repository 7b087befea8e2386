/**
 * Asks the hooks: one short-lived program for each question, JSON in, one line of JSON out. Whatever is not a clear answer is a
 * denial.
 */
import { trustedProgram } from "./programs.mjs";
import { run } from "./run.mjs";
import { programPath } from "./settings.mjs";

/** Longest wait for an answer. */
const ANSWER_MS = 5000;

/** Longest answer: a rewritten command is bounded by what a command line can hold. */
const MAX_ANSWER = 4 * 1024 * 1024;

/** Version of the questions. */
const VERSION = 1;

/** The answers there are. */
const DECISIONS = new Set(["allow", "ask", "deny"]);

/**
 * @typedef {object} Call
 * @property {string} tool
 * @property {string | null} kind
 * @property {Record<string, unknown>} params
 * @property {readonly string[] | null} derived_paths
 * @property {string} workspace
 * @property {string | null} directory
 * @property {boolean} backend
 */

/**
 * What a hook says about a call.
 *
 * @param {import("./settings.mjs").Settings} settings
 * @param {"fs-guard-hook" | "sandbox-exec-hook"} name
 * @param {Call} call
 * @param {AbortSignal} [signal]
 * @returns {Promise<{decision: "allow" | "ask" | "deny", code: string, reason: string, params?: Record<string, unknown>}>}
 */
export async function askHook(settings, name, call, signal) {
  try {
    const program = trustedProgram(programPath(settings, name), [call.workspace]);
    const argv = [program, "--client", "openclaw", ...settings.policy];
    const stdin = `${JSON.stringify({ client: "openclaw", version: VERSION, ...call })}\n`;
    const outcome = await run(argv, { env: process.env, cwd: call.workspace, stdin, timeoutMs: ANSWER_MS, maxBytes: MAX_ANSWER, signal });
    return readAnswer(name, outcome);
  } catch (error) {
    return denial(error.message);
  }
}

/** The answer in what a hook wrote. */
function readAnswer(name, { code, stdout, stderr }) {
  const text = stdout.toString("utf8").trim();
  const words = stderr.toString("utf8").trim();
  let answer;
  try {
    answer = JSON.parse(text);
  } catch {
    return denial(`${name} gave no answer (status ${code})${words ? `: ${words}` : ""}`);
  }
  if (!DECISIONS.has(answer?.decision)) return denial(`${name} gave an unknown answer`);
  if (code !== 0 && answer.decision !== "deny") return denial(`${name} failed (status ${code})${words ? `: ${words}` : ""}`);
  const string = (value) => (typeof value === "string" ? value : "");
  return { decision: answer.decision, code: string(answer.code), reason: string(answer.reason), params: answer.params };
}

/** Our own denial, when a hook cannot be asked. */
function denial(reason) {
  return { decision: "deny", code: "internal", reason: `${reason}. The call was not made.` };
}
