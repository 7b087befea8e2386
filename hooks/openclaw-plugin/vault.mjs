/**
 * The secret provider of the plugin's manifest: starts `lobsterpot-vault provider openclaw` on the streams that OpenClaw gave.
 *
 * OpenClaw starts this file by itself, without the plugin's configuration and with next to no environment. So the program is
 * looked for in fixed places, and no value passes through this process: request and answer go through inherited descriptors.
 */
import { spawnSync } from "node:child_process";
import { lstatSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";

import { trustedProgram } from "./lib/programs.mjs";

/** The program. */
const PROGRAM = "lobsterpot-vault";

/** The folders in which it may lie, those of the system first; home is the password file's. */
const FOLDERS = ["/usr/local/bin", "/usr/bin", "/opt/lobsterpot/bin", join(userInfo().homedir, ".local/bin")];

/** The first place that has the program: one that cannot be believed stops the search. */
function find() {
  const path = FOLDERS.map((folder) => join(folder, PROGRAM)).find((path) => lstatSync(path, { throwIfNoEntry: false }));
  if (path === undefined) throw new Error(`${PROGRAM} is in none of ${FOLDERS.join(", ")}`);
  return trustedProgram(path);
}

try {
  const { status, error } = spawnSync(find(), ["provider", "openclaw"], { stdio: "inherit" });
  if (error) throw error;
  process.exitCode = status ?? 1;
} catch (error) {
  console.error(`lobsterpot: ${error.message}`);
  process.exitCode = 1;
}
