/** The backend's handle, with a launcher that only says how it was called, and the clean-up of what it started. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { createBackend } from "../lib/backend.mjs";
import { MARK, prepareCleanup } from "../lib/cleanup.mjs";
import { Rewrites } from "../lib/rewrites.mjs";
import { Workspaces } from "../lib/workspaces.mjs";
import { scene } from "./support/stand-in.mjs";

/** Runs what stands after `--`. */
const RUNNING = `
const { spawnSync } = require("node:child_process");
const [name, ...rest] = process.argv.slice(process.argv.indexOf("--") + 1);
const { status } = spawnSync(name, rest, { stdio: "inherit" });
process.exitCode = status ?? 1;`;

/** A handle as OpenClaw gets it. */
async function handleOf(t, cfg = { workspaceAccess: "rw" }) {
  const place = scene(t, { "sandbox-exec": RUNNING });
  const rewrites = new Rewrites();
  const workspaces = new Workspaces({});
  const params = { sessionKey: "agent:main:main", scopeKey: "agent:main", workspaceDir: place.workspace, agentWorkspaceDir: place.workspace, cfg };
  const handle = await createBackend(place.settings, workspaces, rewrites).factory(params);
  return { ...place, rewrites, workspaces, handle };
}

test("paths_inside_are_the_hosts_own_also_through_a_link", async (t) => {
  const { root, workspace, settings } = scene(t);
  symlinkSync(workspace, join(root, "link"));
  const backend = createBackend(settings, new Workspaces({}), new Rewrites());
  const handle = await backend.factory({ sessionKey: "k", scopeKey: "s", workspaceDir: join(root, "link"), cfg: { workspaceAccess: "rw" } });
  assert.equal(handle.workdir, workspace);
});

test("command_that_the_policy_rewrote_is_run_as_it_was_with_its_variables", async (t) => {
  const { handle, rewrites } = await handleOf(t);
  rewrites.remember("exec wrapper 'id'", { command: "id", env: { A: "1" } });
  const { argv, env } = await handle.buildExecSpec({ command: "exec wrapper 'id'", env: {}, usePty: false });
  assert.equal(argv.at(-1), "id");
  assert.equal(env.A, "1");
  assert.deepEqual(argv.slice(argv.indexOf("--env"), argv.indexOf("--")), ["--env", "A"]);
});

test("variable_that_the_policy_moved_is_refused_like_any_other", async (t) => {
  const { handle, rewrites } = await handleOf(t);
  rewrites.remember("exec wrapper 'id'", { command: "id", env: { LD_PRELOAD: "/x.so" } });
  await assert.rejects(handle.buildExecSpec({ command: "exec wrapper 'id'", env: {}, usePty: false }), /LD_PRELOAD is kept/u);
});

test("session_of_the_backend_is_remembered_for_the_policy", async (t) => {
  const { workspaces, workspace } = await handleOf(t);
  assert.equal(workspaces.of({ sessionKey: "agent:main:main" }), workspace);
});

test("session_that_is_unknown_gets_its_agents_configured_workspace", (t) => {
  const { workspace } = scene(t);
  const asked = [];
  const runtime = { config: { current: () => ({}) }, agent: { resolveAgentWorkspaceDir: (_, id) => { asked.push(id); return workspace; } } };
  const workspaces = new Workspaces(runtime);
  for (const context of [{ agentId: "a" }, { sessionKey: "agent:b:cron:1" }, {}]) assert.equal(workspaces.of(context), workspace);
  assert.deepEqual(asked, ["a", "b", "main"]);
});

test("what_the_backend_cannot_do_is_refused_before_anything_runs", async (t) => {
  await assert.rejects(handleOf(t, { workspaceAccess: "ro" }), /has no workspaceAccess "ro"/u);
  await assert.rejects(handleOf(t, { workspaceAccess: "rw", docker: { binds: ["/:/host"] } }), /has no docker\.binds/u);
});

test("launcher_that_was_removed_or_opened_stops_every_command", async (t) => {
  const { handle, bin } = await handleOf(t);
  const request = { command: "id", env: {}, usePty: false };
  chmodSync(join(bin, "sandbox-exec"), 0o777);
  await assert.rejects(handle.buildExecSpec(request), /written by others/u);
  rmSync(join(bin, "sandbox-exec"));
  await assert.rejects(handle.buildExecSpec(request), /is missing/u);
  await assert.rejects(handle.runShellCommand({ script: "id" }), /is missing/u);
});

test("shell_commands_get_arguments_input_and_status", async (t) => {
  const { handle } = await handleOf(t);
  const outcome = await handle.runShellCommand({ script: 'cat; echo "$1"; exit 3', args: ["a b"], stdin: "in ", allowFailure: true });
  assert.deepEqual([outcome.code, outcome.stdout.toString()], [3, "in a b\n"]);
  await assert.rejects(handle.runShellCommand({ script: "echo no >&2; exit 3" }), /ended with 3: no/u);
  await assert.rejects(handle.runShellCommand({ script: "sleep 60", signal: AbortSignal.timeout(50) }), { name: "TimeoutError" });
});

test("mark_of_the_clean_up_stays_with_the_launcher", async (t) => {
  const { handle } = await handleOf(t);
  const { env, terminate } = handle.prepareProcessCleanup({ A: "1" });
  const spec = await handle.buildExecSpec({ command: "id", env, usePty: false });
  assert.equal(spec.env[MARK], env[MARK]);
  assert.equal(spec.argv.includes(MARK), false);
  await terminate();
});

test("clean_up_ends_a_launcher_that_ignores_requests_and_spares_others", async () => {
  const stubborn = ["-e", "process.on('SIGTERM', () => {}); process.on('SIGINT', () => {}); console.log('up'); setInterval(() => {}, 1000)"];
  const { env, interrupt, terminate } = prepareCleanup({});
  const start = (variables) => spawn(process.execPath, stubborn, { env: variables, stdio: ["ignore", "pipe", "ignore"] });
  const [marked, other] = [start(env), start({ [MARK]: "another" })];
  await Promise.all([once(marked.stdout, "data"), once(other.stdout, "data")]);
  assert.equal(await interrupt(1000), true);
  const ended = once(marked, "exit");
  await terminate();
  assert.deepEqual(await ended, [null, "SIGKILL"]);
  assert.equal(other.exitCode, null);
  assert.equal(await interrupt(1000), false);
  other.kill("SIGKILL");
  await once(other, "exit");
});
