/**
 * OpenClaw's file operations (read, write, edit, ls, apply_patch, memory, skills), done by `fs-guard`.
 *
 * Paths in the sandbox are the host's own paths, so nothing is translated. What may be touched is the policy's to say; the guard
 * judges and does each operation in one step, on descriptors.
 */
import { homedir } from "node:os";
import { isAbsolute, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { GuardError } from "./guard.mjs";

/** What a guard's refusal is called in Node. OpenClaw tells apart "not there" and everything else by it. */
const ERROR_CODES = Object.freeze({
  "denied": "EACCES",
  "not-found": "ENOENT",
  "exists": "EEXIST",
  "is-directory": "EISDIR",
  "not-directory": "ENOTDIR",
  "too-large": "EFBIG",
  "io": "EIO",
  "request": "EINVAL",
});

/** Largest file that is read or written: the guard moves 32 MiB at once, and one byte more is asked for to see that a file ends. */
const MAX_FILE = 32 * 1024 * 1024 - 1;

/**
 * @param {import("./guard.mjs").Guard} guard
 * @param {string} workspace
 * @param {readonly string[]} [readable] folders outside of it that OpenClaw may pass on to the guard for reading
 * @returns {object} OpenClaw's `SandboxFsBridge`
 */
export function createBridge(guard, workspace, readable = []) {
  const target = ({ filePath, cwd, pinnedPath }) => ({ path: pinnedPath ?? absolutePath(filePath, cwd ?? workspace) });
  const ask = (op, fields, signal) => guard.ask(op, fields, signal).catch((error) => { throw named(error, fields.path ?? fields.from); });
  return {
    pathMappings: [workspace, ...readable].map((folder) => ({ hostRoot: folder, containerRoot: folder })),
    resolvePath: ({ filePath, cwd }) => describePath(absolutePath(filePath, cwd ?? workspace), workspace),
    readDirectory: async (params) => {
      const { entries, truncated } = await ask("list", target(params), params.signal);
      if (truncated) throw tooLarge(params.filePath, `${entries.length} entries`);
      const named = entries.filter(({ name }) => typeof name === "string"); // others have no name that OpenClaw could use
      return named.map(({ name, kind }) => ({ name, isDirectory: kind === "directory" }));
    },
    readFile: async (params) => {
      const limit = Math.min(params.maxBytes ?? MAX_FILE, MAX_FILE);
      const answer = await ask("read", { ...target(params), limit: limit + 1 }, params.signal);
      const data = Buffer.from(answer.data, "base64");
      if (data.length > limit) throw tooLarge(params.filePath, `${limit} bytes`);
      return data;
    },
    writeFile: (params) => write(ask, target(params), params, false),
    createFileExclusive: async (params) => {
      try {
        await write(ask, target(params), params, true);
        return "created";
      } catch (error) {
        if (error.code === "EEXIST") return "exists";
        throw error;
      }
    },
    mkdirp: async (params) => void await ask("mkdir", { ...target(params), parents: true }, params.signal),
    remove: async (params) => {
      const options = { recursive: params.recursive === true, force: params.force !== false };
      await ask("remove", { ...target(params), ...options }, params.signal);
    },
    rename: async ({ from, to, cwd, signal }) => {
      const ends = [from, to].map((end) => absolutePath(end, cwd ?? workspace));
      await ask("rename", { from: ends[0], to: ends[1] }, signal);
    },
    stat: async (params) => {
      try {
        return fileStat(await ask("stat", { ...target(params), follow: true }, params.signal));
      } catch (error) {
        if (error.code === "ENOENT" || error.code === "ENOTDIR") return null;
        throw error;
      }
    },
  };
}

/** Writes a whole file. */
async function write(ask, target, params, exclusive) {
  const data = Buffer.isBuffer(params.data) ? params.data : Buffer.from(params.data, params.encoding ?? "utf8");
  if (data.length > MAX_FILE) throw tooLarge(params.filePath, `${MAX_FILE} bytes`);
  const options = { parents: params.mkdir !== false, ...(exclusive ? { exclusive: true } : {}) };
  await ask("write", { ...target, data: data.toString("base64"), ...options }, params.signal);
}

/** OpenClaw's shape of a stat. */
function fileStat({ kind, size, mtime_ms: mtimeMs }) {
  return { type: kind === "file" || kind === "directory" ? kind : "other", size, mtimeMs };
}

/**
 * The absolute path that a spelling means. OpenClaw expands `~/`, `file://` and `@/` itself before it asks; spellings that come
 * through all the same mean here what they mean there.
 */
export function absolutePath(spelled, folder) {
  if (typeof spelled !== "string" || spelled === "") throw Object.assign(new Error("a path is empty"), { code: "EINVAL" });
  if (spelled.startsWith("file://")) return resolve(fileURLToPath(spelled));
  const path = spelled.startsWith("@/") ? spelled.slice(1) : spelled;
  if (path === "~" || path.startsWith("~/")) return resolve(homedir(), path.slice(2));
  return isAbsolute(path) ? resolve(path) : resolve(folder, path);
}

/** A path as OpenClaw wants to know it. Outside of the workspace it gets no host path, so that it never opens one itself. */
function describePath(path, workspace) {
  const inside = relative(workspace, path);
  const isInside = inside !== ".." && !inside.startsWith("../") && !isAbsolute(inside);
  return { ...(isInside ? { hostPath: path } : {}), relativePath: isInside ? inside : path, containerPath: path };
}

/** The guard's refusal under the name that Node has for it. */
function named(error, path) {
  if (!(error instanceof GuardError)) return error;
  return Object.assign(error, { code: ERROR_CODES[error.kind] ?? "EIO", path });
}

/** A file or folder that does not fit. */
function tooLarge(path, limit) {
  return Object.assign(new Error(`${path} has more than ${limit}; look at it in parts, with a command`), { code: "EFBIG" });
}
