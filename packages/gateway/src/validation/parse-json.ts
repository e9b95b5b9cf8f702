import { isAscii, isUtf8 } from "node:buffer";
import { badJson } from "../errors/gateway-errors.ts";
import { type JsonLimits, scanJson } from "./scan-json.ts";

const loneSurrogate = /\p{Surrogate}/u;

/** The body as a value. Throws an error that says where and why it is not JSON. */
export function parseJson(body: Buffer, limits: JsonLimits): unknown {
  if (body.length === 0) throw badJson("it is empty.");
  const isPlain = isAscii(body);
  if (!isPlain && !isUtf8(body)) throw badJson("it has bytes that are not UTF-8.");
  scanJson(body, limits);
  // Bytes of ASCII are characters as they are: a long prompt is copied and not decoded.
  const text = body.toString(isPlain ? "latin1" : "utf8");
  const value = parse(text.includes("_id") ? withExactIds(text) : text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw badJson("it must be one object.");
  }
  if (body.includes("\\u") && /\\u[dD][89a-fA-F]/.test(text)) refuseLoneSurrogates(value);
  return value;
}

/**
 * Instance ids are u64 and may stand as plain numbers, which JSON.parse would round: long ones become strings here.
 * A quote inside of a JSON string has a backslash before it, so only keys match.
 */
function withExactIds(text: string): string {
  return text.replace(
    /(?<!\\)("(?:backend_instance|prefill_worker|decode_worker)_id"\s*:\s*)(\d{16,20})(?=\s*[,}])/g,
    '$1"$2"',
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw badJson(`${syntaxErrorMessage(error)}.`);
  }
}

/** V8 quotes the text around the fault; a client's long prompt is not repeated to it. */
function syntaxErrorMessage(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.length > 160 ? `${message.slice(0, 160)}...` : message;
}

/** Half of a character pair (a lone \\ud83d, say) has no UTF-8 and no token. */
function refuseLoneSurrogates(root: unknown): void {
  const open: unknown[] = [root];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value === "string") {
      if (loneSurrogate.test(value)) {
        throw badJson("a string has half of a surrogate pair (\\ud800 to \\udfff) alone.");
      }
    } else if (typeof value === "object" && value !== null) {
      for (const [key, child] of Object.entries(value)) open.push(key, child);
    }
  }
}
