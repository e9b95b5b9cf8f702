// JSON that keeps 64-bit integers and float widths, which JSON.parse and JSON.stringify lose.
import { Float32, Float64, Uuid } from "@dyn/protocol";
import { EncodedMsgpack } from "./encoded-msgpack.ts";
import type { PayloadCodec } from "./payload-codec.ts";

export const jsonCodec: PayloadCodec = {
  name: "json",
  encode: (value) => Buffer.from(stringifyJson(value)),
  decode: (bytes, start = 0, end = bytes.length) =>
    parseJson(
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8", start, end),
    ),
};

/** As JSON.stringify, but bigints are integers, Float32 and Float64 always have a point or an exponent. */
export function stringifyJson(value: unknown): string {
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  if (value instanceof Float32) return floatText(shortestFloat32(value.value));
  if (value instanceof Float64) return floatText(value.value);
  if (value instanceof Uuid) return JSON.stringify(value.text);
  if (value instanceof EncodedMsgpack) return stringifyJson(value.decode());
  if (Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))) {
    const items = value as ArrayLike<unknown>;
    let text = "[";
    for (let i = 0; i < items.length; i++) text += (i > 0 ? "," : "") + stringifyJson(items[i]);
    return `${text}]`;
  }
  let text = "{";
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined) continue;
    text += `${text.length > 1 ? "," : ""}${JSON.stringify(key)}:${stringifyJson(item)}`;
  }
  return `${text}}`;
}

/** As JSON.parse, but integers beyond 2^53 become bigint. */
export function parseJson(text: string): unknown {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  return JSON.parse(markBigIntegers(text), (_key, value) =>
    typeof value === "string" && value.startsWith(mark) ? unmark(value) : value,
  );
}

/** No text of ours or of a peer begins with it: a lone noncharacter pair. */
const mark = "\ufdd0\ufdd1";

function markBigIntegers(text: string): string {
  // Strings are matched so that they can be left alone.
  return text.replace(/"(?:[^"\\]|\\.)*"|-?\d{16,}(?![\d.eE])/g, (token) => {
    if (token.startsWith('"')) return token;
    return Number.isSafeInteger(Number(token)) ? token : `"${mark}${token}"`;
  });
}

function unmark(value: string): bigint | string {
  const digits = value.slice(mark.length);
  return /^-?\d+$/.test(digits) ? BigInt(digits) : value;
}

function floatText(value: number): string {
  if (!Number.isFinite(value)) return "null";
  const text = JSON.stringify(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

/** The shortest decimal that reads back as the same 32-bit float: 0.7, not 0.699999988079071. */
function shortestFloat32(value: number): number {
  const exact = Math.fround(value);
  for (let digits = 1; digits <= 9; digits++) {
    const short = Number(exact.toPrecision(digits));
    if (Math.fround(short) === exact) return short;
  }
  return exact;
}
