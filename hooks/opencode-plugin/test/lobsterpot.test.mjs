/** Every way in which a hook can fail to allow a call stops it, and only a whole answer changes it. */

import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";

const SOURCE = readFileSync(new URL("../lobsterpot.js", import.meta.url), "utf8");
const base = mkdtempSync(join(tmpdir(), "lobsterpot-opencode-"));
after(() => rmSync(base, { recursive: true, force: true }));

let worlds = 0;

/** The plugin's hook, installed beside two programs that are these shell scripts; `null` for none. */
async function installed(shell, files, source = SOURCE) {
  const folder = join(base, `world-${(worlds += 1)}`);
  mkdirSync(folder);
  for (const [name, script] of [["sandbox-exec-hook", shell], ["fs-guard-hook", files]]) {
    if (script === null) continue;
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  const file = join(folder, "lobsterpot.mjs");
  writeFileSync(file, source.replace("@LOBSTERPOT_BIN@", folder));
  const { Lobsterpot } = await import(pathToFileURL(file));
  const plugin = await Lobsterpot({ directory: "/w/proj", worktree: "/w" });
  return { folder, before: plugin["tool.execute.before"] };
}

/** A script that reads the payload and answers with this text. */
const says = (text, status = 0) => `cat > "$0.payload"; printf '%s' '${text.replaceAll("'", "'\\''")}'; exit ${status}`;

const ALLOW = says('{"decision":"allow"}\n');

/** A call of `bash`. */
const call = () => [{ tool: "bash", sessionID: "s", callID: "c" }, { args: { command: "ls", timeout: 5 } }];

test("a call that both hooks allow goes ahead unchanged, and both have seen all of it", async () => {
  const { folder, before } = await installed(ALLOW, ALLOW);
  const [input, output] = call();
  await before(input, output);
  assert.deepEqual(output, { args: { command: "ls", timeout: 5 } });
  for (const program of ["sandbox-exec-hook", "fs-guard-hook"]) {
    const payload = JSON.parse(readFileSync(join(folder, `${program}.payload`), "utf8"));
    assert.deepEqual(payload, { client: "opencode", version: 1, input, output, directory: "/w/proj", worktree: "/w" });
  }
});

test("a rewritten command is put into the very object that opencode runs", async () => {
  const rewritten = says('{"decision":"allow","params":{"command":"/x/sandbox-exec -- ls","timeout":5}}\n');
  const { before } = await installed(rewritten, ALLOW);
  const [input, output] = call();
  const args = output.args;
  await before(input, output);
  assert.equal(output.args, args);
  assert.deepEqual(args, { command: "/x/sandbox-exec -- ls", timeout: 5 });
});

test("an input that cannot be changed stops the call", async () => {
  const { before } = await installed(says('{"decision":"allow","params":{"command":"wrapped"}}\n'), ALLOW);
  const [input] = call();
  await assert.rejects(before(input, { args: Object.freeze({ command: "ls" }) }));
});

test("the file hook cannot change a call", async () => {
  const { before } = await installed(ALLOW, says('{"decision":"allow","params":{"command":"evil"}}\n'));
  const [input, output] = call();
  await before(input, output);
  assert.equal(output.args.command, "ls");
});

test("a denial by either hook stops the call with its reason", async () => {
  const deny = says('{"decision":"deny","code":"fs.masked","reason":"fs-guard-hook: it is hidden"}\n', 2);
  for (const [shell, files] of [[deny, ALLOW], [ALLOW, deny]]) {
    const { before } = await installed(shell, files);
    await assert.rejects(before(...call()), { message: "fs-guard-hook: it is hidden" });
  }
});

test("whatever is not one line that allows stops the call", async () => {
  for (const answer of [
    "",
    "\n",
    "{}\n",
    "null\n",
    '{"decision":"allow"}',
    '{"decision":"allow"}\n{"decision":"allow"}\n',
    'debug\n{"decision":"allow"}\n',
    '{"decision":"ALLOW"}\n',
    '{"decision":"ask","reason":"a person decides"}\n',
    '{"decision":"deny"}\n',
    '{"decision":true}\n',
    '[{"decision":"allow"}]\n',
    '{"permission":"allow"}\n',
    '{"decision":"allow"\n',
  ]) {
    for (const hooks of [[says(answer), ALLOW], [ALLOW, says(answer)]]) {
      const { before } = await installed(...hooks);
      await assert.rejects(before(...call()), undefined, answer);
    }
  }
});

test("a hook that ends badly allows nothing", async () => {
  for (const status of [1, 2, 101]) {
    const { before } = await installed(says('{"decision":"allow"}\n', status), ALLOW);
    await assert.rejects(before(...call()), undefined, String(status));
  }
});

test("a hook that is missing, not executable, killed or silent stops the call", async () => {
  const { before } = await installed(ALLOW, null);
  await assert.rejects(before(...call()), /fs-guard-hook: .*ENOENT/);
  for (const script of ["kill -9 $$", "exit 0", "exit 1", "exec <&-; exit 0"]) {
    const { before } = await installed(script, ALLOW);
    await assert.rejects(before(...call()), undefined, script);
  }
  const world = await installed(ALLOW, ALLOW);
  chmodSync(join(world.folder, "fs-guard-hook"), 0o644);
  await assert.rejects(world.before(...call()));
});

test("a hook that does not end is killed at the deadline, and the call stopped", async () => {
  const source = SOURCE.replace("DEADLINE_MS = 8000", "DEADLINE_MS = 300");
  assert.notEqual(source, SOURCE);
  const { before } = await installed(ALLOW, "exec sleep 60", source);
  const begin = Date.now();
  await assert.rejects(before(...call()), /no answer within 300 ms/);
  assert.ok(Date.now() - begin < 5000);
});

test("a plugin that was never installed stops every call", async () => {
  const file = join(base, "bare.mjs");
  writeFileSync(file, SOURCE);
  const { Lobsterpot } = await import(pathToFileURL(file));
  const plugin = await Lobsterpot({ directory: "/w", worktree: "/w" });
  await assert.rejects(plugin["tool.execute.before"](...call()));
});
