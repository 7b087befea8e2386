/**
 * A long-running `fs-guard serve`, asked over a pipe: one per workspace, shared by its sessions.
 *
 * Closed by default: when the process dies it is started once more; when that one dies too within a minute, requests are
 * refused for the rest of it. A request that gets no answer in time ends the process, since a guard that hangs guards nothing.
 */
import { spawn } from "node:child_process";

import { Decoder, encode } from "./frames.mjs";

/** Version of the protocol that this file speaks. */
const PROTOCOL = 1;

/** Longest wait for an answer. */
const ANSWER_MS = 10_000;

/** In this span only one restart is made. */
const RESTART_SPAN_MS = 60_000;

/** What the guard says on standard error is kept up to here, for messages. */
const MAX_WORDS = 4096;

/** A request that the guard refused or could not carry out. */
export class GuardError extends Error {
  /** @param {{code: string, kind: string, message: string, instead?: string}} answer the guard's own words */
  constructor(answer) {
    super([`${answer.code}: ${answer.message}`, answer.instead].filter(Boolean).join(" "));
    this.name = "GuardError";
    this.reason = answer.code;
    this.kind = answer.kind;
  }
}

/** An answer of our own for a guard that is not there. */
function unavailable(message) {
  return new GuardError({ code: "internal", kind: "io", message: `the file guard is not available: ${message}` });
}

/** Asks one guard process, and looks after it. */
export class Guard {
  /** Makes the command line; asked anew at each start, so that a program that was changed is not started. */
  #command;
  #answerMs;
  /** The running process with the requests that it owes an answer. */
  #running;
  #nextId = 1;
  /** Times of the restarts of the last minute. */
  #deaths = [];

  /**
   * @param {() => {argv: string[], env: Record<string, string>, cwd: string}} command throws when the program cannot be believed
   * @param {number} answerMs longest wait for an answer
   */
  constructor(command, answerMs = ANSWER_MS) {
    this.#command = command;
    this.#answerMs = answerMs;
  }

  /**
   * Sends one request and returns the answer's fields.
   *
   * @param {string} op
   * @param {Record<string, unknown>} fields
   * @param {AbortSignal} [signal]
   * @returns {Promise<Record<string, any>>}
   * @throws {GuardError}
   */
  async ask(op, fields, signal) {
    signal?.throwIfAborted();
    this.#running ??= this.#start();
    const running = this.#running;
    await running.ready;
    return this.#send(running, op, fields);
  }

  /** Ends the process. */
  close() {
    this.#running?.child.kill("SIGKILL");
    this.#running = undefined;
  }

  /** Starts the process and greets it. */
  #start() {
    this.#countDeaths();
    const { argv, env, cwd } = this.#command();
    const child = spawn(argv[0], argv.slice(1), { cwd, env, stdio: "pipe" });
    const running = { child, waiting: new Map(), words: "" };
    this.#listen(running);
    child.unref();
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.unref();
    running.ready = this.#send(running, "hello", {}).then((answer) => {
      if (answer.protocol !== PROTOCOL) throw unavailable(`it speaks protocol ${answer.protocol}, not ${PROTOCOL}`);
    });
    running.ready.catch(() => {}); // whoever asks waits for it and hears of it
    return running;
  }

  /** Refuses a start when the process has just died twice. */
  #countDeaths() {
    const now = Date.now();
    this.#deaths = this.#deaths.filter((time) => now - time < RESTART_SPAN_MS);
    if (this.#deaths.length > 1) throw unavailable("it ended twice within a minute; see `lobsterpot doctor`");
  }

  /** Connects the process's streams and its end. */
  #listen(running) {
    const { child } = running;
    const decoder = new Decoder();
    child.stdout.on("data", (chunk) => {
      try {
        for (const answer of decoder.push(chunk)) this.#answer(running, answer);
      } catch (error) {
        this.#end(running, `it sent something that is no answer (${error.message})`);
      }
    });
    child.stderr.on("data", (chunk) => {
      running.words = (running.words + chunk.toString("utf8")).slice(0, MAX_WORDS);
    });
    child.stdin.on("error", () => {}); // the end of the process follows and is reported
    child.once("error", (error) => this.#end(running, error.message));
    child.once("close", (code, signal) => this.#end(running, running.words.trim() || `it ended (${signal ?? code})`));
  }

  /** Writes a request and waits for its answer. */
  #send(running, op, fields) {
    const id = this.#nextId++;
    const frame = encode({ id, op, ...fields });
    const late = () => this.#end(running, `it did not answer within ${this.#answerMs} ms`);
    return new Promise((resolve, reject) => {
      running.waiting.set(id, { resolve, reject, timer: setTimeout(late, this.#answerMs) });
      running.child.stdin.write(frame);
    });
  }

  /** Hands an answer to whoever waits for it. */
  #answer(running, answer) {
    const waiting = running.waiting.get(answer?.id);
    if (!waiting) throw new Error("an answer that nobody waits for");
    running.waiting.delete(answer.id);
    clearTimeout(waiting.timer);
    if (answer.ok === true) waiting.resolve(answer);
    else if (typeof answer.error?.code === "string") waiting.reject(new GuardError(answer.error));
    else waiting.reject(unavailable("its answer has neither result nor error"));
  }

  /** Gives up on a process: it is ended, and everybody who waits hears why. */
  #end(running, why) {
    if (running.ended) return;
    running.ended = true;
    running.child.kill("SIGKILL");
    if (this.#running === running) {
      this.#running = undefined;
      this.#deaths.push(Date.now());
    }
    for (const { reject, timer } of running.waiting.values()) {
      clearTimeout(timer);
      reject(unavailable(why));
    }
    running.waiting.clear();
  }
}
