// The index of guesses, and the audit that says how good an index is.
import { ApproximateIndex, createBlockHasher, DriftAudit, type WorkerDrift } from "@dyn/kv-events";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const hasher = createBlockHasher();
const hashesOf = (...tokens: number[]) => hasher.hashTokens(tokens, { blockSize: 1 });

describe("the approximate index", () => {
  it("knows what was sent until its time is over, counted from the last time", () => {
    let nowMs = 0;
    const index = new ApproximateIndex({ ttlMs: 100, now: () => nowMs });
    const overlap = (...tokens: number[]) =>
      index.findMatches(hashesOf(...tokens).sequenceHashes)[0]?.deviceBlocks ?? 0;
    index.recordDecision(1n, 0, hashesOf(1, 2, 3, 4));
    nowMs = 60;
    index.recordDecision(1n, 0, hashesOf(1, 2));
    nowMs = 110;
    expect(overlap(1, 2, 3, 4)).toBe(2);
    nowMs = 161;
    expect(overlap(1, 2, 3, 4)).toBe(0);
    expect(index.blockCount).toBe(0);
  });

  it("is what a list of all decisions says", () => {
    const decision = fc.record({
      waitMs: fc.nat({ max: 60 }),
      worker: fc.nat({ max: 2 }),
      tokens: fc.array(fc.integer({ min: 1, max: 2 }), { minLength: 1, maxLength: 8 }),
    });
    fc.assert(
      fc.property(fc.array(decision, { maxLength: 40 }), (decisions) => {
        let nowMs = 0;
        const index = new ApproximateIndex({ ttlMs: 100, now: () => nowMs });
        const made: { worker: number; tokens: number[]; atMs: number }[] = [];
        for (const { waitMs, worker, tokens } of decisions) {
          nowMs += waitMs;
          const found = index.findMatches(hashesOf(...tokens).sequenceHashes);
          for (const each of [0, 1, 2]) {
            const common = made
              .filter((past) => past.worker === each && past.atMs + 100 > nowMs)
              .map((past) => {
                const end = tokens.findIndex((token, i) => past.tokens[i] !== token);
                return end < 0 ? tokens.length : end;
              });
            const overlap = found.find(({ workerId }) => workerId === BigInt(each));
            expect(overlap?.deviceBlocks ?? 0).toBe(Math.max(0, ...common));
          }
          index.recordDecision(BigInt(worker), 0, hashesOf(...tokens));
          made.push({ worker, tokens, atMs: nowMs });
        }
      }),
      { numRuns: 200 },
    );
  });

  it("forgets a worker, and keeps within its bytes without a time", () => {
    const index = new ApproximateIndex({ ttlMs: null, maxBytes: 64 * 1000 });
    for (let i = 0; i < 100; i++) {
      index.recordDecision(1n, 0, hashesOf(...Array.from({ length: 50 }, (_, j) => 50 * i + j)));
    }
    expect(index.blockCount).toBeLessThanOrEqual(1000);
    expect(index.blockCount).toBeGreaterThan(800);
    expect(index.evictions.blockCount).toBe(5000 - index.blockCount);
    expect(index.evictions.count).toBeGreaterThan(0);
    index.removeWorker(1n);
    expect(index.blockCount).toBe(0);
  });
});

describe("the drift audit", () => {
  const request = { workerId: 1n, dpRank: 0, blockSize: 16 };

  it("tells of a rank whose engine has less, or more, than the index says", () => {
    const told: WorkerDrift[] = [];
    const audit = new DriftAudit({ windowSize: 4, onDrift: (drift) => told.push(drift) });
    for (let i = 0; i < 4; i++) audit.observe({ ...request, overlapBlocks: 10, cachedTokens: 160 });
    expect(told).toEqual([]);
    for (let i = 0; i < 4; i++) audit.observe({ ...request, overlapBlocks: 10, cachedTokens: 64 });
    for (let i = 0; i < 4; i++) audit.observe({ ...request, overlapBlocks: 0, cachedTokens: 160 });
    expect(told).toMatchObject([
      { requestCount: 4, overTokens: 384, underTokens: 0, driftRatio: 0.6 },
      { requestCount: 4, overTokens: 0, underTokens: 640, driftRatio: 1 },
    ]);
    expect(audit.totals()).toMatchObject([{ requestCount: 12, promisedTokens: 1280 }]);
    audit.removeWorker(1n);
    expect(audit.totals()).toEqual([]);
  });

  it("takes what requests that ran there may have left for nothing, and what nobody can have left for drift", () => {
    const audit = new DriftAudit();
    const observe = (cachedTokens: number) =>
      audit.observe({ ...request, overlapBlocks: 2, possibleBlocks: 10, cachedTokens });
    expect([32, 96, 160, 176].map(observe)).toEqual([0, 0, 0, 0]);
    expect(observe(192)).toBe(-32);
    expect(observe(0)).toBe(32);
  });

  it("tells when a rank is as its index says again, and is silent about little", () => {
    const told: string[] = [];
    const audit = new DriftAudit({
      windowSize: 2,
      onDrift: () => told.push("drift"),
      onSteady: () => told.push("steady"),
    });
    const cachedOf = (...windows: number[]) => {
      for (const cachedTokens of windows.flatMap((each) => [each, each])) {
        audit.observe({ ...request, overlapBlocks: 10, cachedTokens });
      }
    };
    cachedOf(0, 160);
    // All of what was promised, but no more than a block for each request.
    audit.observe({ ...request, overlapBlocks: 2, cachedTokens: 0 });
    audit.observe({ ...request, overlapBlocks: 0, cachedTokens: 0 });
    expect(told).toEqual(["drift", "steady", "steady"]);
  });

  it("takes a page and a kept token for nothing", () => {
    const audit = new DriftAudit();
    audit.observe({ ...request, overlapBlocks: 10, cachedTokens: 159 });
    audit.observe({ ...request, overlapBlocks: 10, cachedTokens: 144 });
    expect(audit.totals()[0]!.driftRatio).toBe(0);
  });
});
