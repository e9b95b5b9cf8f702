// A worker in front of a SGLang server, as anybody can write one with @dyn/runtime and @dyn/kv-relay: token ids go to the
// server's /generate, on the rank that the router chose, and what its ranks cache is told to routers.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createZmqRelay, type ZmqRelay } from "@dyn/kv-relay";
import {
  type CardFile,
  contentChecksum,
  type EngineOutputItem,
  type PreprocessedRequest,
} from "@dyn/protocol";
import type { DistributedRuntime } from "@dyn/runtime";
import { modelDirectory } from "../mixed-deployment.ts";
import { sglangPageCount, sglangPageSize } from "./sglang-peer.ts";

const endpoint = "dyn://dynamo.backend.generate";

interface SglangAnswer {
  readonly output_ids: number[];
  readonly meta_info: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly cached_tokens: number;
    readonly finish_reason: { readonly type: string };
  };
}

/** Resolves when it is registered as `tiny`; the relay is the caller's to close. */
export async function serveSglang(options: {
  readonly runtime: DistributedRuntime;
  readonly url: string;
  readonly source: string;
  readonly replaySource: string;
  readonly rankCount: number;
  readonly onProblem: (message: string) => void;
}): Promise<ZmqRelay> {
  const { runtime, url, source, replaySource, rankCount, onProblem } = options;
  const relay = await createZmqRelay({
    runtime,
    endpoint,
    blockSize: sglangPageSize,
    source,
    replaySource,
    dpRanks: Array.from({ length: rankCount }, (_, rank) => rank),
    onProblem,
  });
  const served = await runtime
    .endpoint(endpoint)
    .serve<PreprocessedRequest, EngineOutputItem>(async function* (request, { signal }) {
      const { output_ids: tokenIds, meta_info: meta } = await generate(url, request, signal);
      const { prompt_tokens, completion_tokens, cached_tokens } = meta;
      const usage = { prompt_tokens, completion_tokens };
      yield {
        data: {
          token_ids: tokenIds,
          index: 0,
          finish_reason: meta.finish_reason.type,
          completion_usage: {
            ...usage,
            total_tokens: prompt_tokens + completion_tokens,
            prompt_tokens_details: { cached_tokens },
          },
        },
      };
    });
  await served.registerModel({
    displayName: "tiny",
    sourcePath: modelDirectory,
    modelTypes: ["chat", "completions"],
    modelInput: "tokens",
    contextLength: 2048,
    kvCacheBlockSize: sglangPageSize,
    endpoint,
    created: Math.floor(Date.now() / 1000),
    workerType: "aggregated",
    needs: [],
    files: {
      config: file("config.json"),
      tokenizer: file("tokenizer.json"),
      tokenizerConfig: file("tokenizer_config.json"),
    },
    runtimeConfig: {
      totalKvBlocks: sglangPageCount,
      maxNumSeqs: 16,
      dataParallelSize: rankCount,
      enableLocalIndexer: true,
      kvEventPublishingEnabled: true,
    },
  });
  return relay;
}

function file(name: string): CardFile {
  const path = join(modelDirectory, name);
  return { path, checksum: contentChecksum(readFileSync(path)) };
}

async function generate(
  url: string,
  { token_ids, stop_conditions: stop, routing }: PreprocessedRequest,
  signal: AbortSignal,
): Promise<SglangAnswer> {
  const response = await fetch(`${url}/generate`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      input_ids: [...token_ids],
      sampling_params: { temperature: 0, max_new_tokens: stop.max_tokens, ignore_eos: true },
      routed_dp_rank: routing?.dp_rank ?? 0,
    }),
    signal,
  });
  if (!response.ok) throw new Error(`SGLang answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as SglangAnswer;
}
