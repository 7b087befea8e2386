/** The file guard's client and the bridge on top of it: closed when the guard is gone, slow or wrong. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { absolutePath, createBridge } from "../lib/bridge.mjs";
import { Decoder, MAX_FRAME, encode } from "../lib/frames.mjs";
import { Guard } from "../lib/guard.mjs";
import { trustedProgram } from "../lib/programs.mjs";
import { guarding, program, scene } from "./support/stand-in.mjs";

/** Longest wait for a guard that answers: machines that run tests are busy. */
const PATIENCE_MS = 10_000;

/** A guard made of this program; closed when the test ends. */
function guardOf(t, source, milliseconds = PATIENCE_MS) {
  const place = scene(t, { "fs-guard": source });
  const guard = new Guard(() => ({ argv: [trustedProgram(join(place.bin, "fs-guard"))], env: {}, cwd: place.workspace }), milliseconds);
  t.after(() => guard.close());
  return { ...place, guard, bridge: createBridge(guard, place.workspace) };
}

/** Answers every request with the process's own number. */
const WHO = guarding("request.path === '/die' ? process.exit(9) : { ok: true, pid: process.pid }");

/** Refuses every request in this way. */
const refusing = (kind) => guarding(`{ ok: false, error: { code: "fs.x", kind: "${kind}", message: "no", instead: "go" } }`);

test("frames_are_put_together_from_any_pieces", () => {
  const bytes = Buffer.concat([encode({ text: "ä" }), encode([1]), encode(null)]);
  for (let size = 1; size < bytes.length; size += 1) {
    const decoder = new Decoder();
    const messages = [];
    for (let at = 0; at < bytes.length; at += size) messages.push(...decoder.push(bytes.subarray(at, at + size)));
    assert.deepEqual(messages, [{ text: "ä" }, [1], null]);
  }
});

test("frame_that_is_too_large_is_refused_before_it_is_read", () => {
  const header = Buffer.alloc(4);
  header.writeUInt32BE(MAX_FRAME + 1);
  assert.throws(() => new Decoder().push(header), RangeError);
  assert.throws(() => encode("x".repeat(MAX_FRAME)), RangeError);
});

test("requests_share_one_process", async (t) => {
  const { guard } = guardOf(t, WHO);
  const answers = await Promise.all(Array.from({ length: 20 }, () => guard.ask("check", { path: "/x" })));
  assert.equal(new Set(answers.map(({ pid }) => pid)).size, 1);
});

test("guard_that_dies_fails_its_request_and_is_started_once_more", async (t) => {
  const { guard } = guardOf(t, WHO);
  const first = await guard.ask("check", { path: "/x" });
  await assert.rejects(guard.ask("check", { path: "/die" }), /the file guard is not available/u);
  const second = await guard.ask("check", { path: "/x" });
  assert.notEqual(first.pid, second.pid);
  await assert.rejects(guard.ask("check", { path: "/die" }), /not available/u);
  await assert.rejects(guard.ask("check", { path: "/x" }), /ended twice within a minute/u);
});

test("guard_that_was_removed_fails_every_request", async (t) => {
  const { guard, bin } = guardOf(t, WHO);
  rmSync(join(bin, "fs-guard"));
  for (const path of ["/a", "/b"]) await assert.rejects(guard.ask("check", { path }), /is missing/u);
});

test("guard_that_stops_answering_is_ended_and_its_request_fails", async (t) => {
  const { guard } = guardOf(t, WHO, 1500);
  const { pid } = await guard.ask("check", { path: "/x" });
  process.kill(pid, "SIGSTOP");
  await assert.rejects(guard.ask("check", { path: "/x" }), /did not answer within 1500 ms/u);
  const next = await guard.ask("check", { path: "/x" });
  assert.notEqual(next.pid, pid);
});

for (const [name, source] of Object.entries({
  guard_of_another_protocol: guarding("{ ok: true }").replace("protocol: 1", "protocol: 2"),
  guard_that_writes_no_frames: "process.stdout.write('hello, this is no frame at all'); setInterval(() => {}, 1000);",
  guard_that_answers_what_nobody_asked: guarding("{ ok: true, id: 999 }"),
  guard_that_answers_without_result: guarding("{ ok: 1 }"),
  guard_that_says_nothing: "process.stdin.resume();",
  guard_that_ends_at_once_with_words: "console.error('policy.unreadable: broken'); process.exit(65);",
})) {
  test(`${name}_fails_the_request`, async (t) => {
    await assert.rejects(guardOf(t, source, 1500).guard.ask("check", { path: "/x" }), /not available/u);
  });
}

test("words_of_a_guard_that_ends_reach_the_model", async (t) => {
  const { bridge } = guardOf(t, "console.error('policy.unreadable: broken'); process.exit(65);");
  await assert.rejects(bridge.readFile({ filePath: "a" }), /policy\.unreadable: broken/u);
});

for (const [kind, code] of [["denied", "EACCES"], ["not-found", "ENOENT"], ["is-directory", "EISDIR"], ["io", "EIO"]]) {
  test(`refusal_${kind}_is_${code}_for_openclaw_and_keeps_its_reason`, async (t) => {
    const { bridge } = guardOf(t, refusing(kind));
    await assert.rejects(bridge.readFile({ filePath: "a" }), { code, message: "fs.x: no go" });
  });
}

test("stat_of_nothing_is_null_and_of_something_denied_is_an_error", async (t) => {
  assert.equal(await guardOf(t, refusing("not-found")).bridge.stat({ filePath: "a" }), null);
  await assert.rejects(guardOf(t, refusing("denied")).bridge.stat({ filePath: "a" }), { code: "EACCES" });
});

test("exclusive_creation_tells_what_exists", async (t) => {
  const call = { filePath: "a", data: "x" };
  assert.equal(await guardOf(t, refusing("exists")).bridge.createFileExclusive(call), "exists");
  assert.equal(await guardOf(t, guarding("{ ok: request.exclusive === true }")).bridge.createFileExclusive(call), "created");
});

test("file_that_grew_beyond_the_limit_is_refused", async (t) => {
  const { bridge } = guardOf(t, guarding("{ ok: true, data: Buffer.alloc(request.limit).toString('base64') }"));
  await assert.rejects(bridge.readFile({ filePath: "a", maxBytes: 10 }), { code: "EFBIG" });
});

test("folder_that_was_listed_in_part_only_is_an_error", async (t) => {
  const entry = "{ name: 'a', kind: 'file', size: 1 }";
  const whole = guardOf(t, guarding(`{ ok: true, entries: [${entry}, { name_base64: 'gA==', kind: 'file' }], truncated: false }`));
  assert.deepEqual(await whole.bridge.readDirectory({ filePath: "." }), [{ name: "a", isDirectory: false }]);
  const part = guardOf(t, guarding(`{ ok: true, entries: [${entry}], truncated: true }`));
  await assert.rejects(part.bridge.readDirectory({ filePath: "." }), { code: "EFBIG" });
});

test("every_spelling_that_openclaw_expands_means_the_same_here", (t) => {
  const home = process.env.HOME;
  process.env.HOME = "/home/u";
  t.after(() => { process.env.HOME = home; });
  const spelled = { "a": "/w/a", "./a/../b": "/w/b", "../x": "/x", "/a/../b": "/b", "~/k": "/home/u/k", "@/etc/x": "/etc/x", "file:///etc/x": "/etc/x" };
  for (const [path, meant] of Object.entries(spelled)) assert.equal(absolutePath(path, "/w"), meant);
  assert.throws(() => absolutePath("", "/w"), { code: "EINVAL" });
});

test("readable_folders_are_passed_on_to_the_guard", (t) => {
  const { guard, workspace } = guardOf(t, WHO);
  const roots = createBridge(guard, workspace, ["/srv/data"]).pathMappings.map(({ containerRoot }) => containerRoot);
  assert.deepEqual(roots, [workspace, "/srv/data"]);
});

test("paths_outside_of_the_workspace_get_no_host_path", (t) => {
  const { bridge, workspace } = guardOf(t, WHO);
  assert.equal(bridge.resolvePath({ filePath: "a" }).hostPath, `${workspace}/a`);
  for (const filePath of ["../a", "/etc/passwd", `${workspace}-2/a`]) {
    assert.equal(bridge.resolvePath({ filePath }).hostPath, undefined);
  }
});

test("program_is_looked_at_again_before_each_start", async (t) => {
  const { guard, bin } = guardOf(t, WHO);
  await assert.rejects(guard.ask("check", { path: "/die" }), /not available/u);
  rmSync(join(bin, "fs-guard"));
  program(bin, "elsewhere", WHO);
  await assert.rejects(guard.ask("check", { path: "/x" }), /is missing/u);
});
