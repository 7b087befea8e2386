/**
 * Copies the skills that OpenClaw manages into the workspace, where it tells the model to read them:
 * `<workspace>/.openclaw/sandbox-skills/skills/…`. Container backends mount them there; a command of ours sees the host's own paths, so
 * there must be files. The policy protects the folder, so that commands and file tools read it but cannot change it.
 *
 * The workspace is the agent's: every folder on the way is opened by itself and must not be a link.
 */
import { constants } from "node:fs";
import { lstat, mkdir, open, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Folders on the way from the workspace to the copy. */
const PLACE = [".openclaw", "sandbox-skills", "skills"];

/** Folders only, and no links. */
const FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** Most that is copied: a managed skill is a few pages and scripts. */
const LIMITS = Object.freeze({ files: 5000, bytes: 64 * 1024 * 1024 });

/**
 * Makes the copy equal to `source`.
 *
 * @param {string} source folder of OpenClaw's with one folder for each skill
 * @param {string} workspace
 * @throws {Error} when the workspace has a link where a folder should be, or there is too much to copy
 */
export async function copySkills(source, workspace) {
  const wanted = await snapshot(source);
  if (wanted.length === 0 && !await exists(join(workspace, ...PLACE))) return;
  await within(workspace, PLACE, async (folder) => {
    if (same(wanted, await snapshot(folder))) return;
    for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true, force: true });
    for (const entry of wanted) await put(folder, entry);
  });
}

/** Calls `work` with the folder, reached without following a link; folders that are missing are made. */
async function within(workspace, names, work) {
  const handles = [await open(workspace, constants.O_RDONLY | constants.O_DIRECTORY)];
  try {
    for (const name of names) {
      const path = join(`/proc/self/fd/${handles.at(-1).fd}`, name);
      await mkdir(path).catch((error) => { if (error.code !== "EEXIST") throw error; });
      handles.push(await open(path, FOLDER));
    }
    await work(`/proc/self/fd/${handles.at(-1).fd}/.`);
  } finally {
    await Promise.all(handles.map((handle) => handle.close()));
  }
}

/** Everything in a folder, folders before what is in them. */
async function snapshot(folder) {
  const found = [];
  const budget = { ...LIMITS };
  await walk(folder, "", found, budget).catch((error) => { if (error.code !== "ENOENT") throw error; });
  return found;
}

/** Adds what lies in `folder` to `found`. */
async function walk(folder, below, found, budget) {
  const entries = await readdir(join(folder, below), { withFileTypes: true });
  for (const entry of entries.toSorted((one, other) => (one.name < other.name ? -1 : 1))) {
    const path = join(below, entry.name);
    budget.files -= 1;
    if (budget.files < 0 || budget.bytes < 0) throw new Error(`the skills in ${folder} are too many to copy`);
    if (entry.isDirectory()) {
      found.push({ path, kind: "folder" });
      await walk(folder, path, found, budget);
    } else if (entry.isFile()) {
      found.push(await file(folder, path, budget));
    }
  }
}

/** One file with its content. Links and special files are left out: OpenClaw makes none. */
async function file(folder, path, budget) {
  const handle = await open(join(folder, path), constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const { mode, size } = await handle.stat();
    budget.bytes -= size;
    if (budget.bytes < 0) throw new Error(`the skills in ${folder} are too large to copy`);
    return { path, kind: "file", mode: mode & 0o755, data: await handle.readFile() };
  } finally {
    await handle.close();
  }
}

/** Whether two snapshots are equal. */
function same(one, other) {
  return one.length === other.length && one.every((entry, index) => {
    const { path, kind, mode, data } = other[index];
    return entry.path === path && entry.kind === kind && entry.mode === mode && (kind === "folder" || entry.data.equals(data));
  });
}

/** Writes one entry into an empty copy. */
async function put(folder, { path, kind, mode, data }) {
  if (kind === "folder") await mkdir(join(folder, path));
  else await writeFile(join(folder, path), data, { flag: "wx", mode });
}

/** Whether something lies there. */
async function exists(path) {
  return lstat(path).then(() => true, () => false);
}
