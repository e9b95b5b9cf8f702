// The same requests as a recorded SGLang server got, into a pool of the same size: the same events must come out,
// hash by hash, evictions and their order included.
import { readFileSync } from "node:fs";
import { type KvEvent, MockExecutor } from "@dyn/engine";
import { describe, expect, it } from "vitest";
import { digestToBlockHash, hashPages } from "../src/cache/page-hash.ts";
import { EngineCore } from "../src/core/engine-core.ts";
import { makeRequest } from "./oracle/make-request.ts";

interface RecordedRequest {
  readonly promptTokenIds: number[];
  readonly outputTokenIds: number[];
  readonly cachedTokens: number;
  readonly cacheSalt: string | null;
  readonly extraKey: string | null;
}

interface Recording {
  readonly pageSize: number;
  readonly poolTokens: number;
  readonly steps: readonly {
    readonly what: string;
    readonly flush: boolean;
    readonly requests: readonly RecordedRequest[];
    readonly events: readonly Record<string, unknown>[];
  }[];
}

const recording = JSON.parse(
  readFileSync(new URL("./fixtures/sglang-kv-events.json", import.meta.url), "utf8"),
) as Recording;

/** In the recording's spelling. */
function spell(event: KvEvent): Record<string, unknown> {
  if (event.type === "cleared") return { type: "cleared" };
  const blockHashes = event.blockHashes.map(String);
  if (event.type === "removed") return { type: "removed", blockHashes };
  const { parentBlockHash, tokenIds, cacheSalt } = event;
  return {
    type: "stored",
    blockHashes,
    parentBlockHash: parentBlockHash === null ? null : String(parentBlockHash),
    tokenIds: Array.from(tokenIds),
    cacheSalt,
  };
}

describe("block hashes", () => {
  it("are the published vectors", () => {
    const digests = hashPages(Uint32Array.of(1, 2, 3, 4, 5, 6, 7, 8), 4, null);
    expect(digestToBlockHash(digests, 0)).toBe(-3488128144981237669n);
    expect(digestToBlockHash(digests, 1)).toBe(5674439469042975057n);
  });
});

describe("KV events", () => {
  it("equal those of a recorded SGLang server, step by step", async () => {
    const { pageSize, poolTokens } = recording;
    let answers: readonly RecordedRequest[] = [];
    const core = new EngineCore(
      new MockExecutor({
        vocabSize: 2048,
        pageSize,
        pageCount: poolTokens / pageSize,
        nextToken: (_, position) => {
          const answer = answers.length === 1 ? answers[0]! : null;
          return answer?.outputTokenIds[position - answer.promptTokenIds.length] ?? 0;
        },
      }),
    );
    let events: KvEvent[] = [];
    core.onKvEvents((batch) => events.push(...batch.events));
    events = [];
    for (const step of recording.steps) {
      // One after the other, but for a batch, as the server got them.
      const isBatch = step.what.startsWith("batch");
      if (step.flush) expect(core.flushCache()).toBe(true);
      for (const request of step.requests) {
        answers = isBatch ? step.requests : [request];
        const cached: number[] = [];
        core.onOutputs((outputs) => cached.push(outputs[0]!.usage.cachedTokens));
        core.submit(
          makeRequest({
            tokenIds: request.promptTokenIds,
            cacheSalt: request.cacheSalt,
            extraKey: request.extraKey,
            sampling: { maxNewTokens: request.outputTokenIds.length },
          }),
        );
        if (isBatch) continue;
        while (await core.step());
        expect(cached[0], step.what).toBe(request.cachedTokens);
      }
      while (await core.step());
      expect(events.map(spell), step.what).toEqual(step.events);
      events = [];
    }
  });
});
