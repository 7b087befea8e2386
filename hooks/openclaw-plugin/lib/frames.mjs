/**
 * The wire format of `fs-guard serve`: four bytes of length, most significant first, then that many bytes of JSON.
 */

/** Largest body that either side sends. */
export const MAX_FRAME = 64 * 1024 * 1024;

/** Size of the length before each body. */
const HEADER = 4;

/**
 * One frame.
 *
 * @param {unknown} message
 * @returns {Buffer}
 * @throws {RangeError} when it is too large
 */
export function encode(message) {
  const body = Buffer.from(JSON.stringify(message), "utf8");
  if (body.length > MAX_FRAME) throw new RangeError(`a request of ${body.length} bytes is too large`);
  const header = Buffer.alloc(HEADER);
  header.writeUInt32BE(body.length);
  return Buffer.concat([header, body]);
}

/** Puts a stream of bytes back together into messages. */
export class Decoder {
  /** Bytes that are no whole frame yet, in order. */
  #chunks = [];
  /** How many bytes those are. */
  #size = 0;

  /**
   * Takes further bytes and returns the messages that are whole now.
   *
   * @param {Buffer} chunk
   * @returns {unknown[]}
   * @throws {Error} when the bytes are no frames
   */
  push(chunk) {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    const messages = [];
    for (let body = this.#next(); body !== undefined; body = this.#next()) messages.push(JSON.parse(body.toString("utf8")));
    return messages;
  }

  /** The next whole body, if there is one. */
  #next() {
    if (this.#size < HEADER) return undefined;
    this.#join(HEADER);
    const length = this.#chunks[0].readUInt32BE();
    if (length > MAX_FRAME) throw new RangeError(`a frame of ${length} bytes is too large`);
    if (this.#size < HEADER + length) return undefined;
    this.#join(HEADER + length);
    const first = this.#chunks[0];
    this.#chunks[0] = first.subarray(HEADER + length);
    this.#size -= HEADER + length;
    return first.subarray(HEADER, HEADER + length);
  }

  /** Makes the first chunk at least so long; only called when there are that many bytes. */
  #join(length) {
    if (this.#chunks[0].length < length) this.#chunks = [Buffer.concat(this.#chunks)];
  }
}
