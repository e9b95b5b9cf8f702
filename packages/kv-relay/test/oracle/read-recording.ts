// The recordings of real servers stand beside @dyn/kv-events.
import { readdirSync, readFileSync } from "node:fs";

const folder = new URL("../../../kv-events/test/fixtures/", import.meta.url);

/** Frames of every message that a SGLang server published, in order. */
export function readSglangMessages(version: string): Buffer[][] {
  const files = readdirSync(new URL(`sglang/${version}/`, folder)).sort();
  return files
    .filter((file) => /^\d/.test(file))
    .flatMap((file) => {
      const text = readFileSync(new URL(`sglang/${version}/${file}`, folder), "utf8");
      const [, ...lines] = text.trim().split("\n");
      return lines.map((line) => {
        const { frames_hex: frames } = JSON.parse(line) as { frames_hex: string[] };
        return frames.map((hex) => Buffer.from(hex, "hex"));
      });
    });
}

/** JSON in which integers of more than 15 digits are bigints, quoted with an n behind them or not. */
export function readDynamoRecording<T>(name: string): T {
  const text = readFileSync(new URL(`dynamo/${name}.json`, folder), "utf8");
  const quoted = text.replace(/([[ ,:])(-?\d{16,})(?=[,\]}\s])/g, '$1"$2n"');
  return JSON.parse(quoted, (_, value) =>
    typeof value === "string" && /^-?\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value,
  ) as T;
}
