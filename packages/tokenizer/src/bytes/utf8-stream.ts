import { unfinishedByteCount } from "./utf8-tail.ts";

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const nothing = new Uint8Array(0);

/** Bytes in, text out; holds back the bytes of a character that is not whole yet. Faulty bytes become U+FFFD. */
export class Utf8Stream {
  #held: Uint8Array = nothing;

  get isEmpty(): boolean {
    return this.#held.length === 0;
  }

  push(bytes: Uint8Array): string {
    const all = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    const tail = unfinishedByteCount(all);
    this.#held = tail === 0 ? nothing : all.slice(all.length - tail);
    return tail === all.length ? "" : utf8.decode(all.subarray(0, all.length - tail));
  }

  flush(): string {
    if (this.#held.length === 0) return "";
    this.#held = nothing;
    return "\ufffd";
  }
}
