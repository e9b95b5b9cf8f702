// Reads the recordings of real servers.
import { readdirSync, readFileSync } from "node:fs";

const folder = new URL("./fixtures/", import.meta.url);

export interface RecordedMessage {
  readonly frames: readonly Buffer[];
  /** As the recorder decoded it; integers beyond 2^53 are bigints. */
  readonly decoded: unknown;
}

/** Every published message of a SGLang server by step, and what a DEALER got for its question. */
export function readSglangRecording(version: string): ReadonlyMap<string, RecordedMessage[]> {
  const files = readdirSync(new URL(`sglang/${version}/`, folder)).sort();
  return new Map(
    files.map((file) => {
      const [, ...lines] = readFileSync(new URL(`sglang/${version}/${file}`, folder), "utf8")
        .trim()
        .split("\n");
      const messages = lines.map((line) => {
        const record = parseExactly(line) as { frames_hex: string[]; decoded?: unknown };
        return { frames: record.frames_hex.map(fromHex), decoded: record.decoded ?? null };
      });
      return [file.replace(".jsonl", ""), messages];
    }),
  );
}

/** JSON in which an integer beyond 2^53 is a string that ends with n. */
export function readDynamoRecording<T>(name: string): T {
  return parseExactly(readFileSync(new URL(`dynamo/${name}.json`, folder), "utf8")) as T;
}

export function fromHex(hex: string): Buffer {
  return Buffer.from(hex, "hex");
}

function parseExactly(text: string): unknown {
  const quoted = text.replace(/([[ ,:])(-?\d{16,})(?=[,\]}])/g, '$1"$2n"');
  return JSON.parse(quoted, (_, value) =>
    typeof value === "string" && /^-?\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value,
  );
}
