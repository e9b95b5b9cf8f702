import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { parseEventLine, type RecordedBatch } from "./event-line.ts";

export interface ReadRecordingOptions {
  /** 1 = as fast as it was recorded, 2 = twice as fast; default Infinity = without waiting. */
  readonly speed?: number;
  readonly signal?: AbortSignal;
}

/** The batches of a file that an EventRecorder wrote, in their order. Throws a KvWireError for a line that is none. */
export async function* readRecording(
  path: string,
  options: ReadRecordingOptions = {},
): AsyncGenerator<RecordedBatch> {
  const { speed = Number.POSITIVE_INFINITY, signal } = options;
  const input = createReadStream(path);
  let previous: number | null = null;
  try {
    for await (const line of createInterface({ input })) {
      signal?.throwIfAborted();
      if (line === "") continue;
      const batch = parseEventLine(line);
      const pauseMs = (1000 * (batch.timestamp - (previous ?? batch.timestamp))) / speed;
      if (pauseMs > 0) await delay(pauseMs, undefined, signal && { signal });
      previous = batch.timestamp;
      yield batch;
    }
  } finally {
    input.destroy();
  }
}
