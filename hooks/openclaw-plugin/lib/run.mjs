/**
 * Runs one program to its end: bytes in, bytes out, bounded in time and size.
 */
import { spawn } from "node:child_process";
import { constants } from "node:os";

/**
 * @typedef {object} Outcome
 * @property {number} code exit status; 128 and the signal's number when a signal ended it
 * @property {Buffer} stdout
 * @property {Buffer} stderr
 */

/** What a shell adds to a signal's number to make a status of it. */
const SIGNALLED = 128;

/**
 * Starts the program and waits for it.
 *
 * @param {string[]} argv
 * @param {{env: Record<string, string | undefined>, cwd: string, stdin?: Buffer | string, timeoutMs?: number,
 *   maxBytes: number, signal?: AbortSignal}} options
 * @returns {Promise<Outcome>}
 * @throws {Error} when it cannot be started, takes too long, says too much, or is called off
 */
export function run(argv, options) {
  const { signal, timeoutMs } = options;
  const child = spawn(argv[0], argv.slice(1), { cwd: options.cwd, env: options.env, stdio: "pipe" });
  let stop; // called with the reason for which the program is ended and its outcome not waited for
  const stopped = new Promise((_, reject) => { stop = reject; });
  const timer = timeoutMs === undefined ? undefined
    : setTimeout(() => stop(new Error(`${argv[0]} did not answer within ${timeoutMs} ms`)), timeoutMs);
  const aborted = () => stop(signal.reason);
  if (signal?.aborted) aborted();
  signal?.addEventListener("abort", aborted, { once: true });
  child.stdin.on("error", () => {}); // it may end without having read everything; its status says how it went
  child.stdin.end(options.stdin ?? "");
  return Promise.race([stopped, outcome(child, argv[0], options.maxBytes)]).finally(() => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", aborted);
    child.kill("SIGKILL");
  });
}

/** How the program ended and what it wrote. */
function outcome(child, name, maxBytes) {
  return new Promise((resolve, reject) => {
    const tooMuch = () => reject(new Error(`${name} wrote more than ${maxBytes} bytes`));
    const stdout = collect(child.stdout, maxBytes, tooMuch);
    const stderr = collect(child.stderr, maxBytes, tooMuch);
    child.once("error", (error) => reject(new Error(`${name} cannot be started: ${error.message}`)));
    child.once("close", (code, signal) => resolve({ code: code ?? signalStatus(signal), stdout: stdout(), stderr: stderr() }));
  });
}

/** The status for a program that a signal ended. */
function signalStatus(signal) {
  return SIGNALLED + (constants.signals[signal] ?? 0);
}

/**
 * Gathers a stream up to a limit.
 *
 * @returns {() => Buffer} what has come so far
 */
function collect(stream, maxBytes, tooMuch) {
  const chunks = [];
  let size = 0;
  stream.on("data", (chunk) => {
    size += chunk.length;
    if (size > maxBytes) tooMuch();
    else chunks.push(chunk);
  });
  return () => Buffer.concat(chunks);
}
