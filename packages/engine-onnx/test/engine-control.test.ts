// What an operator tells a running engine, with a model large enough to see its memory go and come.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Engine } from "@dyn/engine";
import { createOnnxEngine } from "@dyn/engine-onnx";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeCheckpoint } from "../bench/models/write-checkpoint.ts";
import { greedyRequest } from "./drive/greedy-request.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "dyn-control-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const prompt = Array.from({ length: 40 }, (_, i) => 7 * i + 3);

async function generate(engine: Engine, requestId: string): Promise<number[]> {
  const tokens: number[] = [];
  for await (const output of engine.generate(greedyRequest(requestId, prompt, 8))) {
    tokens.push(...output.tokenIds);
  }
  return tokens;
}

// Elsewhere what is freed stays with the C library.
test.skipIf(process.platform !== "linux")(
  "a released 600 MB model leaves memory, requests wait for it, and say the same when it is back",
  async () => {
    // 150 M parameters of linear layers: 600 MB in float32.
    const modelDirectory = writeCheckpoint(join(directory, "large"), {
      num_hidden_layers: 4,
      hidden_size: 2048,
      num_attention_heads: 16,
      num_key_value_heads: 8,
      head_dim: 128,
      intermediate_size: 4096,
      vocab_size: 512,
    });
    const engine = await createOnnxEngine({ modelDirectory, maxTotalTokens: 4096 });
    try {
      const before = await generate(engine, "before");
      const loadedBytes = process.memoryUsage.rss();
      const release = { type: "releaseMemory", tags: [] } as const;
      expect((await engine.control(release)).released).toEqual([
        "weights",
        "kv_cache",
        "cuda_graph",
      ]);
      await engine.control(release);
      const freedBytes = loadedBytes - process.memoryUsage.rss();
      expect(freedBytes).toBeGreaterThan(540e6);
      let isOver = false;
      const waiting = generate(engine, "waiting").finally(() => {
        isOver = true;
      });
      const { released } = await engine.control({ type: "resumeMemory", tags: ["weights"] });
      expect(released).toEqual(["kv_cache", "cuda_graph"]);
      await engine.control({ type: "resumeMemory", tags: ["weights"] });
      expect(engine.metrics().waitingRequests).toBe(1);
      expect(isOver).toBe(false);
      await engine.control({ type: "resumeMemory", tags: [] });
      expect(await waiting).toEqual(before);
    } finally {
      await engine.close();
    }
  },
);

const small = {
  num_hidden_layers: 1,
  hidden_size: 64,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  head_dim: 32,
  intermediate_size: 128,
  vocab_size: 512,
};

test.each(["auto", "gqa", "paged"] as const)(
  "weights that do not fit change nothing (attention %s)",
  async (attention) => {
    const modelDirectory = writeCheckpoint(join(directory, "small"), small);
    const wider = writeCheckpoint(join(directory, "wider"), { ...small, intermediate_size: 256 });
    const engine = await createOnnxEngine({ modelDirectory, attention, maxTotalTokens: 1024 });
    try {
      const before = await generate(engine, "before");
      const load = (path: string) =>
        engine.control({
          type: "loadWeights",
          source: { kind: "directory", path },
          abortRequests: false,
          flushCache: true,
        });
      await expect(load(wider)).rejects.toMatchObject({
        code: "DYN_REQUEST_INVALID_ARGUMENT",
        message: expect.stringContaining("intermediateSize"),
      });
      await expect(load(join(directory, "none"))).rejects.toMatchObject({ param: "model_path" });
      expect(await generate(engine, "after")).toEqual(before);
      await load(modelDirectory);
      expect(await generate(engine, "again")).toEqual(before);
    } finally {
      await engine.close();
    }
  },
);

test("a pause freezes or aborts what runs, and what is frozen goes on as if nothing had been", async () => {
  const modelDirectory = writeCheckpoint(join(directory, "small"), small);
  const engine = await createOnnxEngine({ modelDirectory, maxTotalTokens: 1024 });
  try {
    const whole: number[] = [];
    for await (const { tokenIds } of engine.generate(greedyRequest("whole", prompt, 200))) {
      whole.push(...tokenIds);
    }
    for (const mode of ["in_place", "retract"] as const) {
      const tokens: number[] = [];
      let isPaused = false;
      for await (const { tokenIds } of engine.generate(greedyRequest(mode, prompt, 200))) {
        tokens.push(...tokenIds);
        if (isPaused) continue;
        isPaused = true;
        const state = await engine.control({ type: "pause", mode });
        expect(state).toMatchObject({ isPaused: true, pausedRequests: 1 });
        if (mode === "retract") {
          await engine.control({ type: "releaseMemory", tags: ["kv_cache"] });
          await engine.control({ type: "resumeMemory", tags: ["kv_cache"] });
        } else {
          const release = engine.control({ type: "releaseMemory", tags: ["kv_cache"] });
          await expect(release).rejects.toMatchObject({ code: "DYN_ENGINE_BUSY" });
        }
        await engine.control({ type: "continue" });
      }
      expect(tokens).toEqual(whole);
    }
    const finishes: unknown[] = [];
    for await (const { finish } of engine.generate(greedyRequest("aborted", prompt, 200))) {
      if (finish === null) await engine.control({ type: "pause", mode: "abort" });
      finishes.push(finish?.type ?? null);
    }
    expect(finishes.at(-1)).toBe("abort");
    await engine.control({ type: "continue" });
    expect((await generate(engine, "after")).length).toBe(8);
  } finally {
    await engine.close();
  }
});
