/** The tool policy: what is not clearly allowed is blocked. */
import assert from "node:assert/strict";
import { chmodSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { createPolicy } from "../lib/policy.mjs";
import { Rewrites } from "../lib/rewrites.mjs";
import { WRAPPING, answering, program, scene } from "./support/stand-in.mjs";

/** Asks the policy about one call. */
async function decide({ settings, workspace }, event, rewrites = new Rewrites()) {
  const workspaces = { of: () => workspace };
  return createPolicy(settings, workspaces, rewrites, () => false).evaluate(event, { toolName: event.toolName });
}

/** A shell call. */
const SHELL = { toolName: "exec", params: { command: "id", workdir: "sub" } };

/** A file call. */
const READ = { toolName: "read", params: { path: "a" } };

const ALLOW = answering({ decision: "allow" });

test("allowed_shell_call_is_rewritten_and_the_rest_of_it_kept", async (t) => {
  const place = scene(t, { "fs-guard-hook": ALLOW, "sandbox-exec-hook": WRAPPING });
  const rewrites = new Rewrites();
  assert.deepEqual(await decide(place, SHELL, rewrites), { params: { command: "wrapped id", workdir: "sub" } });
  assert.deepEqual(rewrites.original("wrapped id"), { command: "id", env: {} });
});

test("variables_of_the_model_may_move_into_the_command", async (t) => {
  const moving = answering({ decision: "allow", params: { command: "export A='1'; id", workdir: "sub", env: {} } });
  const place = scene(t, { "fs-guard-hook": ALLOW, "sandbox-exec-hook": moving });
  const rewrites = new Rewrites();
  const decision = await decide(place, { ...SHELL, params: { ...SHELL.params, env: { A: "1" } } }, rewrites);
  assert.deepEqual(decision.params.env, {});
  assert.deepEqual(rewrites.original("export A='1'; id"), { command: "id", env: { A: "1" } });
});

test("parameters_without_value_do_not_count_as_changed", async (t) => {
  const place = scene(t, { "fs-guard-hook": ALLOW, "sandbox-exec-hook": WRAPPING });
  const event = { ...SHELL, params: { ...SHELL.params, title: undefined } };
  assert.deepEqual((await decide(place, event)).params, { command: "wrapped id", workdir: "sub" });
});

test("allowed_file_call_is_left_alone", async (t) => {
  assert.equal(await decide(scene(t, { "fs-guard-hook": ALLOW }), READ), undefined);
});

test("code_mode_is_not_rewritten_as_it_holds_javascript", async (t) => {
  const place = scene(t, { "fs-guard-hook": ALLOW });
  assert.equal(await decide(place, { ...SHELL, toolKind: "code_mode_exec" }), undefined);
});

test("denied_call_is_blocked_with_the_reason_for_the_model", async (t) => {
  const place = scene(t, { "fs-guard-hook": answering({ decision: "deny", code: "fs.masked", reason: "it holds secrets" }) });
  assert.deepEqual(await decide(place, READ), { block: true, blockReason: "Lobsterpot refused this call: it holds secrets [fs.masked]" });
  program(place.bin, "fs-guard-hook", answering({ decision: "deny", code: "fs.x", reason: "no. [fs.x]. hint: go" }, 2));
  assert.equal((await decide(place, READ)).blockReason, "Lobsterpot refused this call: no. [fs.x]. hint: go");
});

test("asking_becomes_a_request_for_approval_and_shell_calls_stay_confined", async (t) => {
  const ask = answering({ decision: "ask", code: "tool.ask", reason: "r".repeat(900) });
  const place = scene(t, { "fs-guard-hook": ask, "sandbox-exec-hook": WRAPPING });
  const { requireApproval, params } = await decide(place, SHELL);
  assert.equal(params.command, "wrapped id");
  assert.equal(requireApproval.description.length, 512);
  assert.deepEqual(requireApproval.allowedDecisions, ["allow-once", "deny"]);
});

for (const [name, spoil] of Object.entries({
  missing_hook: ({ bin }) => rmSync(join(bin, "fs-guard-hook")),
  hook_that_others_can_write: ({ bin }) => chmodSync(join(bin, "fs-guard-hook"), 0o777),
  hook_without_execute_permission: ({ bin }) => chmodSync(join(bin, "fs-guard-hook"), 0o644),
  hook_that_says_nothing: ({ bin }) => program(bin, "fs-guard-hook", ""),
  hook_that_says_no_json: ({ bin }) => program(bin, "fs-guard-hook", answering("allow")),
  hook_that_says_an_unknown_word: ({ bin }) => program(bin, "fs-guard-hook", answering({ decision: "yes" })),
  hook_that_says_null: ({ bin }) => program(bin, "fs-guard-hook", answering(null)),
  hook_that_allows_but_fails: ({ bin }) => program(bin, "fs-guard-hook", answering({ decision: "allow" }, 1)),
  hook_that_is_killed: ({ bin }) => program(bin, "fs-guard-hook", "process.kill(process.pid, 'SIGKILL')"),
  hook_that_writes_without_end: ({ bin }) => program(bin, "fs-guard-hook", "setInterval(() => process.stdout.write('x'.repeat(65536)), 0)"),
  missing_shell_hook: ({ bin }) => rmSync(join(bin, "sandbox-exec-hook")),
  shell_hook_that_rewrites_nothing: ({ bin }) => program(bin, "sandbox-exec-hook", answering({ decision: "allow", params: SHELL.params })),
  shell_hook_that_allows_without_parameters: ({ bin }) => program(bin, "sandbox-exec-hook", answering({ decision: "allow" })),
  shell_hook_that_changes_the_folder: ({ bin }) => program(bin, "sandbox-exec-hook", answering({ decision: "allow", params: { command: "x", workdir: "/" } })),
  shell_hook_that_adds_variables: ({ bin }) => program(bin, "sandbox-exec-hook", answering({ decision: "allow", params: { ...SHELL.params, command: "x", env: { LD_PRELOAD: "x" } } })),
  shell_hook_that_asks: ({ bin }) => program(bin, "sandbox-exec-hook", answering({ decision: "ask", params: { command: "x", workdir: "sub" } })),
})) {
  test(`${name}_blocks_shell_calls`, async (t) => {
    const place = scene(t, { "fs-guard-hook": ALLOW, "sandbox-exec-hook": WRAPPING });
    assert.equal((await decide(place, SHELL)).block, undefined);
    spoil(place);
    const decision = await decide(place, SHELL);
    assert.equal(decision.block, true);
    assert.equal(decision.params, undefined);
    assert.match(decision.blockReason, /^Lobsterpot refused this call/u);
  });
}

test("hook_that_hangs_blocks_within_its_time", async (t) => {
  const place = scene(t, { "fs-guard-hook": "setInterval(() => {}, 1000)" });
  const started = Date.now();
  assert.match((await decide(place, READ)).blockReason, /did not answer within 5000 ms/u);
  assert.ok(Date.now() - started < 8000);
});

test("hook_inside_the_workspace_is_not_believed", async (t) => {
  const place = scene(t);
  program(place.workspace, "fs-guard-hook", ALLOW);
  const inside = { ...place, settings: { bin: place.workspace, policy: [] } };
  assert.match((await decide(inside, READ)).blockReason, /lies in the workspace/u);
});

test("call_whose_workspace_is_unknown_is_blocked", async (t) => {
  const { settings } = scene(t, { "fs-guard-hook": ALLOW });
  const workspaces = { of: () => { throw new Error("no workspace"); } };
  const policy = createPolicy(settings, workspaces, new Rewrites(), () => true);
  assert.equal((await policy.evaluate(READ, {})).block, true);
});
