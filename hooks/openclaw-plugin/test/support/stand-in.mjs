/**
 * Small programs that stand in for ours, so that the plugin's own behaviour can be tried without building anything.
 */
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * A folder of programs and a workspace, removed when the test ends.
 *
 * @param {import("node:test").TestContext} t
 * @param {Record<string, string>} programs JavaScript by name
 */
export function scene(t, programs = {}) {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "lobsterpot-plugin-")));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const bin = join(root, "bin");
  const workspace = join(root, "workspace");
  for (const folder of [bin, workspace]) mkdirSync(folder);
  for (const [name, source] of Object.entries(programs)) program(bin, name, source);
  return { root, bin, workspace, settings: { bin, policy: [], readable: [] } };
}

/** Puts a program into the folder. */
export function program(bin, name, source) {
  const path = join(bin, name);
  writeFileSync(path, `#!${process.execPath}\n${source}\n`);
  chmodSync(path, 0o755);
  return path;
}

/** A hook that gives this answer to every question. */
export function answering(answer, status = 0) {
  const line = JSON.stringify(typeof answer === "string" ? answer : `${JSON.stringify(answer)}\n`);
  return `process.stdin.resume(); process.stdin.on("end", () => { process.stdout.write(${line}); process.exitCode = ${status}; });`;
}

/** A hook that wraps the command of the call it is asked about. */
export const WRAPPING = `
let text = "";
process.stdin.on("data", (chunk) => { text += chunk; });
process.stdin.on("end", () => {
  const { params } = JSON.parse(text);
  console.log(JSON.stringify({ decision: "allow", params: { ...params, command: "wrapped " + params.command } }));
});`;

/** A file guard that answers with what \`answer\` (an expression over \`request\`) gives. */
export function guarding(answer) {
  return `
let bytes = Buffer.alloc(0);
const send = (message) => {
  const body = Buffer.from(JSON.stringify(message));
  const header = Buffer.alloc(4);
  header.writeUInt32BE(body.length);
  process.stdout.write(Buffer.concat([header, body]));
};
process.stdin.on("end", () => process.exit());
process.stdin.on("data", (chunk) => {
  bytes = Buffer.concat([bytes, chunk]);
  while (bytes.length >= 4 && bytes.length >= 4 + bytes.readUInt32BE()) {
    const end = 4 + bytes.readUInt32BE();
    const request = JSON.parse(bytes.subarray(4, end));
    bytes = bytes.subarray(end);
    if (request.op === "hello") send({ id: request.id, ok: true, protocol: 1, version: "0", workspaces: [] });
    else send({ id: request.id, ...(${answer}) });
  }
});`;
}
