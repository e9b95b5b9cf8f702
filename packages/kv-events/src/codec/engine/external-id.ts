import { KvWireError } from "../kv-wire-error.ts";
import type { MsgpackReader } from "../msgpack/msgpack-reader.ts";

/**
 * A block id as engines spell it, as two words. Integers are taken as they are. vLLM may send its whole digest as
 * bytes or hexadecimal digits: its own short form is then the last 8 bytes, and so is ours.
 */
export function readExternalId(from: MsgpackReader, words: Uint32Array, at: number): void {
  if (from.isBin) {
    const bytes = from.bin();
    let low = 0;
    let high = 0;
    for (let i = 0; i < 8; i++) {
      const byte = bytes[bytes.length - 1 - i] ?? 0;
      if (i < 4) low |= byte << (8 * i);
      else high |= byte << (8 * (i - 4));
    }
    words[at] = low;
    words[at + 1] = high;
  } else if (from.isString) {
    const digits = from.string().slice(-16).padStart(16, "0");
    if (!/^[0-9a-f]{16}$/i.test(digits)) {
      throw new KvWireError(`A block id ends with ${digits}, which is not hexadecimal.`);
    }
    words[at] = Number.parseInt(digits.slice(8), 16);
    words[at + 1] = Number.parseInt(digits.slice(0, 8), 16);
  } else {
    from.int64(words, at);
  }
}
