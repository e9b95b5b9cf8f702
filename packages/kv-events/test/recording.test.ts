// Files of recorded events.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  decodeEngineBatch,
  EventRecorder,
  encodeEngineBatch,
  KvWireError,
  type RecordedBatch,
  readRecording,
} from "@dyn/kv-events";
import { afterAll, describe, expect, it } from "vitest";
import { readSglangRecording } from "./recording.ts";

const folder = mkdtempSync(join(tmpdir(), "kv-events-"));
afterAll(() => rmSync(folder, { recursive: true }));

const payloads = readSglangRecording("0.5.21")
  .get("replay-0")!
  .map(({ frames }) => frames[2]!)
  .filter((payload) => payload.length > 0);

async function readAll(path: string): Promise<RecordedBatch[]> {
  const batches: RecordedBatch[] = [];
  for await (const batch of readRecording(path)) batches.push(batch);
  return batches;
}

describe("a recording", () => {
  it("gives the bytes back that were recorded", async () => {
    const path = join(folder, "events.jsonl");
    const recorder = new EventRecorder({ path });
    payloads.forEach((payload, sequence) => {
      recorder.record({ sequence, ...decodeEngineBatch(payload) });
    });
    await recorder.close();
    const batches = await readAll(path);
    expect(batches.map(({ sequence }) => sequence)).toEqual(payloads.map((_, i) => i));
    expect(batches.map((batch) => encodeEngineBatch(batch).toString("hex"))).toEqual(
      payloads.map((payload) => Buffer.from(payload).toString("hex")),
    );
  });

  it("has a largest size", async () => {
    const path = join(folder, "small.jsonl");
    const recorder = new EventRecorder({ path, maxBytes: 2000 });
    for (let sequence = 0; sequence < 100; sequence++) {
      recorder.record({ sequence, timestamp: 1, dpRank: 0, events: [{ type: "cleared" }] });
    }
    await recorder.close();
    const kept = await readAll(path);
    expect(readFileSync(path).length).toBeLessThanOrEqual(2000);
    expect(kept.length + recorder.droppedCount).toBe(100);
  });

  it.each(["{", '{"sequence":1}', '{"sequence":1,"timestamp":1,"dpRank":0,"events":[{}]}'])(
    "with the line %s is refused",
    async (line) => {
      const path = join(folder, "bad.jsonl");
      writeFileSync(path, `${line}\n`);
      await expect(readAll(path)).rejects.toThrow(KvWireError);
    },
  );

  it("that cannot be written says so at its end", async () => {
    const recorder = new EventRecorder({ path: join(folder, "nowhere", "events.jsonl") });
    recorder.record({ sequence: 0, timestamp: 1, dpRank: 0, events: [] });
    await expect(recorder.close()).rejects.toThrow(/ENOENT/);
  });
});
