// The decoders of tokenizer.json as streams. A step before "Fuse" or "ByteLevel" sees whole tokens,
// a step after it sees one token that comes in parts.
import { byteLevelTokenToBytes } from "../bytes/byte-alphabet.ts";
import { Utf8Stream } from "../bytes/utf8-stream.ts";
import type { TokenDecoder } from "./token-decoder.ts";

export function mapTokens(map: (token: string, isFirst: boolean) => string): TokenDecoder {
  let isFirst = true;
  return {
    push(token, emit) {
      emit(map(token, isFirst));
      isFirst = false;
    },
    flush() {
      isFirst = true;
    },
  };
}

export function decodeByteLevel(): TokenDecoder {
  const stream = new Utf8Stream();
  return {
    push: (token, emit) => emit(stream.push(byteLevelTokenToBytes(token))),
    flush: (emit) => emit(stream.flush()),
  };
}

/** A run of `<0x..>` tokens is text only when all of it is UTF-8, so it waits for its end. */
export function decodeByteFallback(): TokenDecoder {
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let run: number[] = [];
  const endRun = (emit: (token: string) => void): void => {
    if (run.length === 0) return;
    const bytes = Uint8Array.from(run);
    run = [];
    let text: string | null = null;
    try {
      text = strict.decode(bytes);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
    if (text !== null) emit(text);
    else for (const _ of bytes) emit("\ufffd");
  };
  return {
    push(token, emit) {
      const hex = /^<0x(\+?[0-9a-fA-F]+)>$/.exec(token)?.[1];
      if (token.length === 6 && hex !== undefined) {
        run.push(Number.parseInt(hex, 16));
        return;
      }
      endRun(emit);
      emit(token);
    },
    flush: endRun,
  };
}

/** The last token is unlike the others, so one token is held back. */
export function decodeBpeSuffix(suffix: string): TokenDecoder {
  let held: string | null = null;
  return {
    push(token, emit) {
      if (held !== null) emit(held.replaceAll(suffix, " "));
      held = token;
    },
    flush(emit) {
      if (held !== null) emit(held.replaceAll(suffix, ""));
      held = null;
    },
  };
}

/** Strips up to `start` and `stop` characters `content` from the ends of every token. */
export function stripToken(token: string, content: string, start: number, stop: number): string {
  const chars = [...token];
  let from = 0;
  while (from < start && chars[from] === content) from++;
  let to = chars.length;
  while (chars.length - to < stop && to > from && chars[to - 1] === content) to--;
  return chars.slice(from, to).join("");
}

/** The same for one token that comes in parts: what may be its end is held back. */
export function stripStream(content: string, start: number, stop: number): TokenDecoder {
  let left = start;
  let held = "";
  return {
    push(part, emit) {
      let text = held + part;
      while (left > 0 && text.startsWith(content)) {
        text = text.slice(content.length);
        left--;
      }
      if (left > 0 && text !== "") left = 0;
      let keep = text.length;
      for (let i = 0; i < stop && text.slice(0, keep).endsWith(content); i++)
        keep -= content.length;
      held = text.slice(keep);
      emit(text.slice(0, keep));
    },
    flush() {
      left = start;
      held = "";
    },
  };
}

/** One token that comes in parts, seen as a whole: nothing is certain before its end. */
export function wholeText(map: (text: string) => string): TokenDecoder {
  let held = "";
  return {
    push(part) {
      held += part;
    },
    flush(emit) {
      const text = held;
      held = "";
      emit(map(text));
    },
  };
}
