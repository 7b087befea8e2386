/**
 * The trusted tool policy: every tool call is put to `fs-guard-hook`, and every shell command is confined by rewriting it.
 *
 * It holds where the sandbox backend does not: for sessions that are off the sandbox, for calls that ask for the host, and for
 * tools that would switch the guard off. What is forbidden is the policy's data (`[tools.openclaw]`), not code here. When the hook cannot be
 * asked, every call is blocked.
 */
import { isDeepStrictEqual } from "node:util";

import { askHook } from "./hook.mjs";

/** The id that the manifest lists under `contracts.trustedToolPolicies`. */
const POLICY = "lobsterpot";

/** OpenClaw's tool for shell commands. */
const SHELL_TOOL = "exec";

/** Longest texts that OpenClaw shows in a request for approval. */
const MAX_TITLE = 80;
const MAX_DESCRIPTION = 512;

/**
 * What OpenClaw's `registerTrustedToolPolicy` takes.
 *
 * @param {import("./settings.mjs").Settings} settings
 * @param {import("./workspaces.mjs").Workspaces} workspaces
 * @param {import("./rewrites.mjs").Rewrites} rewrites
 * @param {(context: object) => boolean} sandboxed whether the configuration puts the session into our backend; a hint only
 */
export function createPolicy(settings, workspaces, rewrites, sandboxed) {
  return {
    id: POLICY,
    description: "Lobsterpot: confines shell commands, and refuses paths and tools that the policy does not allow",
    evaluate: async (event, context) => {
      try {
        return await evaluate({ settings, rewrites }, describe(workspaces, sandboxed, event, context), context.abortSignal);
      } catch (error) {
        return block("internal", error.message);
      }
    },
  };
}

/** The question to the hooks. */
function describe(workspaces, sandboxed, event, context) {
  return {
    tool: event.toolName,
    kind: event.toolKind ?? null,
    params: event.params,
    derived_paths: event.derivedPaths ?? null,
    workspace: workspaces.of(context),
    directory: null,
    backend: sandboxed(context),
  };
}

/** OpenClaw's decision about one call. */
async function evaluate({ settings, rewrites }, call, signal) {
  const verdict = await askHook(settings, "fs-guard-hook", call, signal);
  if (verdict.decision === "deny") return block(verdict.code, verdict.reason);
  const approval = verdict.decision === "ask" ? { requireApproval: approvalRequest(call, verdict) } : {};
  if (call.tool !== SHELL_TOOL || call.kind !== null) return approval.requireApproval ? approval : undefined;
  const confined = await confine(settings, rewrites, call, signal);
  return confined.block ? confined : { ...approval, ...confined };
}

/** The call with its command rewritten. The hook moves the model's variables into it; all other parameters stay as they were. */
async function confine(settings, rewrites, call, signal) {
  const answer = await askHook(settings, "sandbox-exec-hook", call, signal);
  if (answer.decision !== "allow") return block(answer.code, answer.reason);
  const { command, env = {}, ...rest } = call.params;
  const { command: rewritten, env: left = {}, ...others } = answer.params ?? {};
  const isSound = typeof rewritten === "string" && rewritten !== command && isDeepStrictEqual(asJson(rest), others)
    && Object.keys(left).length === 0;
  if (!isSound) return block("internal", "sandbox-exec-hook did not rewrite the command, or changed something else");
  rewrites.remember(rewritten, { command, env });
  return { params: answer.params };
}

/** The value as it reads after a journey through JSON: without what has no value. */
function asJson(value) {
  return JSON.parse(JSON.stringify(value));
}

/** A refusal; its text is what the model reads. Hooks put the code into their reasons themselves. */
function block(code, reason) {
  const mark = `[${code || "denied"}]`;
  return { block: true, blockReason: `Lobsterpot refused this call: ${reason}${reason.includes(mark) ? "" : ` ${mark}`}` };
}

/** What a person is asked. */
function approvalRequest(call, { code, reason }) {
  return {
    title: `Lobsterpot: allow ${call.tool}?`.slice(0, MAX_TITLE),
    description: `${reason} (${code})`.slice(0, MAX_DESCRIPTION),
    severity: "warning",
    allowedDecisions: ["allow-once", "deny"],
    timeoutReason: `Nobody answered whether ${call.tool} may be used (${code}). Do something else.`,
  };
}
