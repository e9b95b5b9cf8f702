// The operator PageAttention: new keys and values go to their pages, then each new token attends to what its
// sequence has in the pages, where it lies. Nothing is gathered or padded, rows of a run may differ in every way.
import type { ModelConfig } from "@dyn/model-files";
import { InternalError } from "@dyn/protocol";
import type { KvPages } from "../executor/kv-pages.ts";
import type { RowSlice } from "../executor/row-slice.ts";
import type { CustomKernel, NodeRun } from "../runtime/custom-op.ts";
import { addressOf } from "./address-of.ts";
import {
  type AttentionShape,
  jobBytes,
  jobFields,
  scratchSize,
  tokenBytes,
  tokenFields,
  writeAttention,
  writeStore,
} from "./attention-code.ts";
import { placeCode } from "./executable-memory.ts";

/** Tokens side by side in memory are taken together up to this many: their values stay in the first cache. */
const maxRunTokens = 64;
const wordBytes = 8;

export class PageAttention implements CustomKernel {
  readonly name = "PageAttention";
  /** Rotated queries [T, heads, 1, headDim], rotated keys [T, kvHeads, 1, headDim], values [T, kvHeads x headDim]. */
  readonly inputCount = 3;
  readonly #config: ModelConfig;
  readonly #pages: KvPages;
  readonly #threadCount: number;
  readonly #attend: bigint;
  readonly #store: bigint;
  readonly #poolAddresses: readonly bigint[];
  readonly #job = new BigInt64Array(jobBytes / wordBytes);
  #tokenCount = 0;
  /** Of the current run; the job holds their addresses. */
  #runs = new BigInt64Array(0);
  #tokens = new BigInt64Array(0);
  #scratch = new Uint8Array(0);

  constructor(config: ModelConfig, pages: KvPages, threadCount: number) {
    const { headDim, headCount, kvHeadCount } = config;
    const shape = {
      headDim,
      headsPerKvHead: headCount / kvHeadCount,
      scale: 1 / Math.sqrt(headDim),
      kvType: pages.elementType,
    };
    this.#config = config;
    this.#pages = pages;
    this.#threadCount = threadCount;
    ({ attend: this.#attend, store: this.#store } = codeFor(shape));
    this.#poolAddresses = pages.pools.map(({ data }) => addressOf(data));
    this.#set("kvHeadCount", kvHeadCount);
    this.#set("workerCount", threadCount);
    this.#set("headStride", pages.tokenCount * headDim * pages.elementBytes);
  }

  /** Says which tokens the next run of the session has, and where their sequences lie. */
  plan(slices: readonly RowSlice[], pageTable: Int32Array, pagesPerRow: number): void {
    const rowBytes = this.#config.headDim * this.#pages.elementBytes;
    const window = this.#config.slidingWindow ?? Number.POSITIVE_INFINITY;
    this.#tokenCount = slices.reduce((sum, { length }) => sum + length, 0);
    const runs: bigint[] = [];
    const tokens = new BigInt64Array((this.#tokenCount * tokenBytes) / wordBytes);
    const entries: {
      readonly run: number;
      readonly skip: number;
      readonly length: number;
      readonly own: number;
    }[] = [];
    let longest = 0;
    for (const { row, pastLength, length } of slices) {
      const whole = { row, tokenStart: 0, pastLength: 0, length: pastLength + length };
      const pageRuns = mergeRuns(this.#pages.pageRuns([whole], pageTable, pagesPerRow));
      let first = 0;
      let last = 0;
      for (let position = pastLength; position < pastLength + length; position++) {
        const start = Math.max(position + 1 - window, 0);
        while (pageRuns[first]!.token + pageRuns[first]!.length <= start) first += 1;
        while (pageRuns[last]!.token + pageRuns[last]!.length <= position) last += 1;
        entries.push({
          run: runs.length / 2 + first,
          skip: start - pageRuns[first]!.token,
          length: position + 1 - start,
          own: pageRuns[last]!.slot + position - pageRuns[last]!.token,
        });
      }
      for (const run of pageRuns) runs.push(BigInt(run.slot * rowBytes), BigInt(run.length));
      longest = Math.max(longest, pastLength + length);
    }
    this.#runs = BigInt64Array.from(runs);
    const runsAddress = addressOf(this.#runs);
    for (const [i, { run, skip, length, own }] of entries.entries()) {
      const at = (i * tokenBytes) / wordBytes;
      tokens[at + tokenFields.runs / wordBytes] = runsAddress + BigInt(run * 2 * wordBytes);
      tokens[at + tokenFields.skip / wordBytes] = BigInt(skip);
      tokens[at + tokenFields.length / wordBytes] = BigInt(length);
      tokens[at + tokenFields.own / wordBytes] = BigInt(own * rowBytes);
    }
    this.#tokens = tokens;
    const { scratchStride, scoreStride } = scratchSize(longest);
    if (this.#scratch.length < scratchStride * this.#threadCount) {
      this.#scratch = new Uint8Array(2 * scratchStride * this.#threadCount);
    }
    this.#set("tokens", addressOf(this.#tokens));
    this.#set("unitCount", this.#tokenCount * this.#config.kvHeadCount);
    this.#set("scratch", addressOf(this.#scratch));
    this.#set("scratchStride", scratchStride);
    this.#set("scoreStride", scoreStride);
  }

  compute(layer: number, node: NodeRun): void {
    if (this.#tokenCount === 0) throw new InternalError("attention runs before it was planned");
    const { headCount, headDim } = this.#config;
    this.#set("queries", node.input(0));
    this.#set("newKeys", node.input(1));
    this.#set("newValues", node.input(2));
    this.#set("answers", node.output(this.#tokenCount, headCount * headDim));
    this.#set("keys", this.#poolAddresses[2 * layer]!);
    this.#set("values", this.#poolAddresses[2 * layer + 1]!);
    node.parallel(this.#store, this.#threadCount, this.#job);
    node.parallel(this.#attend, this.#threadCount, this.#job);
  }

  #set(field: keyof typeof jobFields, value: number | bigint): void {
    this.#job[jobFields[field] / wordBytes] = BigInt(value);
  }
}

const placed = new Map<string, { attend: bigint; store: bigint }>();

/** Code is made once for each shape in a process. */
function codeFor(shape: AttentionShape): { attend: bigint; store: bigint } {
  const key = Object.values(shape).join("/");
  let code = placed.get(key);
  if (code === undefined) {
    code = { attend: placeCode(writeAttention(shape)), store: placeCode(writeStore(shape)) };
    placed.set(key, code);
  }
  return code;
}

interface Run {
  readonly token: number;
  readonly length: number;
  readonly slot: number;
}

/** Joins runs that lie side by side, and cuts long ones. */
function mergeRuns(runs: readonly Run[]): Run[] {
  const merged: Run[] = [];
  for (const run of runs) {
    const last = merged.at(-1);
    if (
      last !== undefined &&
      last.slot + last.length === run.slot &&
      last.length + run.length <= maxRunTokens
    ) {
      merged[merged.length - 1] = { ...last, length: last.length + run.length };
      continue;
    }
    for (let done = 0; done < run.length; done += maxRunTokens) {
      const length = Math.min(maxRunTokens, run.length - done);
      merged.push({ token: run.token + done, slot: run.slot + done, length });
    }
  }
  return merged;
}
