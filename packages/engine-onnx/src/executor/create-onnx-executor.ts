// From a model directory to an executor: config, checkpoint, quantised weights, graph, session, KV pages.
import { availableParallelism } from "node:os";
import type { Executor } from "@dyn/engine";
import { type Checkpoint, loadModelConfig, openCheckpoint } from "@dyn/model-files";
import { InvalidArgumentError } from "@dyn/protocol";
import { buildDecoderGraph } from "../graph/decoder-graph.ts";
import { PageAttention } from "../kernel/page-attention.ts";
import { defaultCacheDirectory, openQuantizedCheckpoint } from "../quantize/quantized-cache.ts";
import { BindingSession } from "../runtime/binding-session.ts";
import { CustomOp } from "../runtime/custom-op.ts";
import { FfiSession } from "../runtime/ffi-session.ts";
import { WeightStore } from "../weights/weight-store.ts";
import { type AttentionOption, chooseAttention } from "./choose-attention.ts";
import { chooseKvType, type KvCacheDtype } from "./choose-kv-type.ts";
import { KvPages } from "./kv-pages.ts";
import { LoadClock, type LoadPhase } from "./load-phase.ts";
import { countPages } from "./page-budget.ts";
import { PageExecutor } from "./page-executor.ts";
import { PagedExecutor } from "./paged-executor.ts";
import { SlotExecutor } from "./slot-executor.ts";
import { countKvBytesPerToken, countWeightBytes } from "./weight-bytes.ts";

export interface OnnxExecutorOptions {
  /** A Hugging Face directory: config.json and safetensors. */
  readonly modelDirectory: string;
  /** `null` (default) computes exactly, in float32; `q8` in 8 bit blocks, quantised once and cached. */
  readonly quantization?: "q8" | null;
  /** Tokens per KV page. Default 16. */
  readonly pageSize?: number;
  /** Prompt and answer together; default and upper bound: what the model was made for. */
  readonly contextLength?: number | null;
  /** Requests that may run at once; bounds the default KV size. Default 64. */
  readonly maxRunningRequests?: number;
  /** KV capacity in tokens; default: what memoryFraction allows, no more than all running requests can fill. */
  readonly maxTotalTokens?: number | null;
  /** Largest share, between 0 and 1, of the memory available after loading that KV may take. Default 0.25. Taken as it is used. */
  readonly memoryFraction?: number;
  /** Threads of one run. Default: the processors that this process may use. */
  readonly threadCount?: number | null;
  /**
   * How attention reads KV. `pages`: in place, by machine code of our own (Linux, x86-64 with AVX2); `gqa`: by ONNX Runtime's
   * operator, from a slot per sequence beside the pages (Linux); `paged`: by gathering pages (anywhere).
   * `auto` (default): the first of these that works.
   */
  readonly attention?: AttentionOption;
  /**
   * What KV is kept in. `float16`: half the memory and traffic, keys and values rounded to 11 bits (attention in pages, F16C).
   * `auto` (default): `float16` with `quantization: "q8"` where it can be had, `float32`, which is exact, otherwise.
   */
  readonly kvCacheDtype?: KvCacheDtype;
  /** Where quantised weights are kept. Default `${XDG_CACHE_HOME:-~/.cache}/dyn/quantized`. */
  readonly cacheDirectory?: string | null;
  /** Told as each phase of loading ends. */
  readonly onLoadPhase?: (phase: LoadPhase) => void;
}

/** Throws ModelFileError for files that cannot be used, InvalidArgumentError for options that cannot work. */
export async function createOnnxExecutor(options: OnnxExecutorOptions): Promise<Executor> {
  const { modelDirectory, quantization = null, pageSize = 16 } = options;
  const threadCount = options.threadCount ?? availableParallelism();
  requireCount("pageSize", pageSize);
  requireCount("threadCount", threadCount);
  const maxRunningRequests = options.maxRunningRequests ?? 64;
  requireCount("maxRunningRequests", maxRunningRequests);
  const memoryFraction = options.memoryFraction ?? 0.25;
  if (!(memoryFraction > 0 && memoryFraction < 1)) {
    throw new InvalidArgumentError(
      `memoryFraction is ${memoryFraction}; it must lie between 0 and 1.`,
      { param: "memoryFraction" },
    );
  }
  const clock = new LoadClock(options.onLoadPhase);

  const config = await loadModelConfig(modelDirectory);
  const checkpoint = await openCheckpoint(modelDirectory);
  const contextLength = options.contextLength ?? config.contextLength;
  requireCount("contextLength", contextLength, config.contextLength);
  clock.end("read");

  const quantize = (weights: Checkpoint, cacheDirectory: string) =>
    openQuantizedCheckpoint({ config, checkpoint: weights, cacheDirectory, threadCount });
  const cacheDirectory = options.cacheDirectory ?? defaultCacheDirectory();
  let quantized = null;
  if (quantization === "q8") {
    const opened = await quantize(checkpoint, cacheDirectory);
    quantized = opened.checkpoint;
    clock.end("quantize", describeOrigin(opened));
  }

  const attention = chooseAttention(options.attention ?? "auto", config);
  const kv = chooseKvType(options.kvCacheDtype ?? "auto", quantization, attention);
  const describeSession = (weights: Checkpoint, inBlocks: Checkpoint | null) => ({
    model: buildDecoderGraph({
      config,
      checkpoint: weights,
      quantized: inBlocks,
      attention: attention.kind,
      pageSize,
    }),
    weightFile: weights.tensors.values().next().value?.file ?? null,
    threadCount,
  });
  const weights = new WeightStore({
    config,
    checkpoint,
    session: describeSession(checkpoint, quantized),
    describeSession: async (next, ownCacheDirectory) =>
      describeSession(
        next,
        quantization === "q8"
          ? (await quantize(next, ownCacheDirectory ?? cacheDirectory)).checkpoint
          : null,
      ),
  });
  const kvBytesPerToken = countKvBytesPerToken(config, kv.type);
  const describe = () => ({
    kind: "onnx",
    dtype: quantization ?? "f32",
    vocabSize: config.vocabSize,
    contextLength,
    pageSize,
    pageCount: countPages({
      pageSize,
      contextLength,
      // With slots, running sequences have their KV twice.
      kvBytesPerToken: attention.kind === "slots" ? 2 * kvBytesPerToken : kvBytesPerToken,
      maxRunningRequests,
      maxTotalTokens: options.maxTotalTokens ?? null,
      budgetBytes: process.availableMemory() * memoryFraction,
    }),
    kvBytesPerToken,
    weightBytes: countWeightBytes(config, checkpoint, quantized !== null),
  });
  let executor: Executor;
  if (attention.kind === "pages") {
    const info = describe();
    const pages = new KvPages(config, pageSize, info.pageCount, kv.type);
    const kernel = new PageAttention(config, pages, threadCount);
    const openSession = () => new FfiSession(weights.session, new CustomOp(kernel));
    const session = openSession();
    executor = new PageExecutor({
      info,
      config,
      attention: kernel,
      pages,
      weights,
      session,
      openSession,
    });
  } else if (attention.kind === "slots") {
    const openSession = () => new FfiSession(weights.session);
    const session = openSession();
    const maxSequences = maxRunningRequests;
    const info = describe();
    executor = new SlotExecutor({ info, config, maxSequences, weights, session, openSession });
  } else {
    const openSession = () => new BindingSession(weights.session);
    const session = openSession();
    executor = new PagedExecutor({ info: describe(), config, weights, session, openSession });
  }
  clock.end("session", `${attention.why}; ${kv.why}`);
  return executor;
}

function describeOrigin(opened: { origin: string; rebuiltBecause: string | null }): string {
  return opened.rebuiltBecause === null
    ? opened.origin
    : `${opened.origin}: the cached weights were made again, because ${opened.rebuiltBecause}`;
}

function requireCount(param: string, value: number, most = Number.MAX_SAFE_INTEGER): void {
  if (Number.isSafeInteger(value) && value >= 1 && value <= most) return;
  const bound = most === Number.MAX_SAFE_INTEGER ? "" : ` and at most ${most}`;
  throw new InvalidArgumentError(
    `${param} is ${value}; it must be a whole number, at least 1${bound}.`,
    { param },
  );
}
