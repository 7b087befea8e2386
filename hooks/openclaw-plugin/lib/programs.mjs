/**
 * Whether a program of ours is the one that was installed: a regular file that nobody but root and the user could have written.
 *
 * The same rule as `sandbox-exec-hook` has for the launcher. It is asked before every start, so that a program that was
 * removed, replaced or opened for writing stops the call instead of running.
 */
import { accessSync, constants, lstatSync } from "node:fs";
import { dirname, sep } from "node:path";

/** Write permission of group and others. */
const WRITABLE_BY_OTHERS = 0o022;

/** The sticky bit: in such a folder only owners can replace files. */
const STICKY = 0o1000;

/** A program that must not be started. */
export class ProgramError extends Error {
  /** @param {string} path @param {string} problem a half sentence about the program */
  constructor(path, problem) {
    super(`hook.program: ${path} ${problem}. Nothing runs without it: install Lobsterpot again (lobsterpot install openclaw)`);
    this.name = "ProgramError";
    this.path = path;
  }
}

/**
 * Passes a program's path on when the program can be believed.
 *
 * @param {string} path absolute
 * @param {readonly string[]} writable folders in which the agent can write
 * @returns {string} the same path
 * @throws {ProgramError}
 */
export function trustedProgram(path, writable = []) {
  const problem = problemOfFile(path) ?? problemOfPlace(path, writable);
  if (problem) throw new ProgramError(path, problem);
  return path;
}

/** What is wrong with the file itself, if anything. */
function problemOfFile(path) {
  let facts;
  try {
    facts = lstatSync(path);
    accessSync(path, constants.X_OK);
  } catch (error) {
    return error.code === "ENOENT" ? "is missing" : `cannot be used (${error.code})`;
  }
  if (!facts.isFile()) return "is no regular file";
  return problemOfOwner(facts);
}

/** What is wrong with owner or permissions, if anything. */
function problemOfOwner(facts) {
  if (facts.uid !== 0 && facts.uid !== process.geteuid()) return "belongs to another user";
  if ((facts.mode & WRITABLE_BY_OTHERS) !== 0) return "can be written by others (chmod go-w)";
  return undefined;
}

/** What is wrong with where it lies, if anything. */
function problemOfPlace(path, writable) {
  const inside = writable.some((folder) => path.startsWith(folder.endsWith(sep) ? folder : folder + sep));
  return inside ? "lies in the workspace, where the agent can write" : undefined;
}

/**
 * The first folder on the way to a program in which others could put another program, for the audit.
 *
 * @param {string} path absolute
 * @returns {string | undefined}
 */
export function loosestFolder(path) {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    if (!folderIsTight(folder)) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}

/** Whether only root and the user can replace entries of the folder. */
function folderIsTight(folder) {
  try {
    const facts = lstatSync(folder);
    const sticky = (facts.mode & STICKY) !== 0 && facts.uid === 0;
    return facts.isSymbolicLink() || sticky || problemOfOwner(facts) === undefined;
  } catch {
    return false;
  }
}
