// Workers that serve one model at one endpoint and in one role: their cards agree, so one pipeline serves them all.
import { isDeepStrictEqual } from "node:util";
import type { ModelCard } from "@dyn/protocol";
import type { PrefillPool } from "@dyn/router";
import { type InstanceMembers, parseEndpointId } from "@dyn/runtime";
import type { GatewayLogger } from "../logger.ts";
import type { BasePipeline } from "./base-pipeline.ts";
import { SetMembers } from "./set-members.ts";

const firstRetryMs = 1_000;
const longestRetryMs = 60_000;

/** Cards with this key in common belong together; prefill workers of a model are a set of their own. */
export function workerSetKey(card: ModelCard): string {
  return JSON.stringify([
    card.displayName,
    card.endpoint,
    [...card.modelTypes].sort(),
    card.workerType ?? null,
  ]);
}

export class WorkerSet {
  readonly card: ModelCard;
  readonly members = new SetMembers();
  readonly #left = new AbortController();
  /** `null` while it is being built. */
  #pipeline: BasePipeline | null = null;
  #pool: PrefillPool | null = null;

  constructor(card: ModelCard) {
    this.card = card;
  }

  get pipeline(): BasePipeline | null {
    return this.#pipeline;
  }

  /** Of prefill workers. */
  get pool(): PrefillPool | null {
    return this.#pool;
  }

  get namespace(): string {
    return parseEndpointId(this.card.endpoint).namespace;
  }

  /** Whether clients may ask it: prefill workers serve other workers. */
  get isPublic(): boolean {
    return this.card.modelTypes.length > 0;
  }

  /** Tries again with doubling pauses until the pipeline is built or the set has left. */
  async build(
    createPipeline: (card: ModelCard, members: InstanceMembers) => Promise<BasePipeline>,
    logger: GatewayLogger,
  ): Promise<void> {
    const { signal } = this.#left;
    for (let pauseMs = firstRetryMs; !signal.aborted; pauseMs *= 2) {
      try {
        const pipeline = await createPipeline(this.card, this.members);
        if (signal.aborted) await pipeline.retire();
        else this.#pipeline = pipeline;
        return;
      } catch (error) {
        const retryMs = Math.min(pauseMs, longestRetryMs);
        logger.error("A model cannot be served yet.", {
          model: this.card.displayName,
          error: String(error),
          retryMs,
        });
        await pause(retryMs, signal);
      }
    }
  }

  /** Prefill workers are no model of their own: others send them prompts. */
  lendTo(pool: PrefillPool): void {
    this.#pool = pool;
  }

  /** The last instance left: running requests finish. */
  async leave(): Promise<void> {
    this.#left.abort();
    await this.#pipeline?.retire();
    await this.#pool?.retire();
  }
}

/**
 * Fields in which the cards of a set must agree: prompts would mean different things otherwise. Pages may differ in size:
 * hand-over converts them, and the router says whose events it cannot use.
 */
const sharedFields = ["sourcePath", "modelInput", "contextLength", "chatTemplate"] as const;
const sharedFiles = ["config", "tokenizer", "tokenizerConfig", "generationConfig"] as const;

/** What keeps a card out of a set, in words; `null` when nothing does. */
export function differenceOf(served: ModelCard, other: ModelCard): string | null {
  const field = sharedFields.find((name) => served[name] !== other[name]);
  if (field !== undefined) return `${field}: ${served[field]} is served, ${other[field]} refused`;
  const checksums = (card: ModelCard): readonly [string, string | undefined][] =>
    [
      ...sharedFiles.map((name) => [name, card.files?.[name]?.checksum] as [string, string?]),
      ["chatTemplate file", card.files?.chatTemplate?.file.checksum],
    ] as [string, string | undefined][];
  const others = checksums(other);
  const differing = checksums(served).findIndex(([, sum], i) => sum !== others[i]![1]);
  if (differing === -1) return null;
  const [name, sum] = checksums(served)[differing]!;
  return `${name}: ${sum ?? "none"} is served, ${others[differing]![1] ?? "none"} refused`;
}

/** Whether all settings of the cards agree; each instance was made at its own time and may serve the files itself. */
export function isSameCard(card: ModelCard, other: ModelCard): boolean {
  return (
    differenceOf(card, other) === null &&
    isDeepStrictEqual({ ...card, files: null, created: 0 }, { ...other, files: null, created: 0 })
  );
}

function pause(forMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, forMs);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done, { once: true });
    if (signal.aborted) done();
  });
}
