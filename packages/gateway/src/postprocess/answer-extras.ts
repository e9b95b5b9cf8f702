// `nvext` of an answer: what the request asked to be told about its way. Ids are u64 numbers in the JSON, as the
// reference prints them, so this text is put together by hand.
import type { DecisionRecord, PrefillDecision } from "@dyn/router";
import type { Instance } from "@dyn/runtime";
import type { RequestObservation } from "../observe/request-observation.ts";
import { toNumbers } from "../preprocess/to-numbers.ts";
import type { ChoiceDelta } from "./choice-delta.ts";

const known = ["worker_id", "timing", "stop_reason", "completion_token_ids"] as const;

export class AnswerExtras {
  readonly #fields: ReadonlySet<string>;
  readonly #observation: RequestObservation;
  #instanceId: bigint | null = null;
  readonly #queriedIds: ArrayLike<number> | null;
  #decision: DecisionRecord | null = null;
  #prefill: PrefillDecision | null = null;

  /** `queriedIds`: the prompt of a request that only asks where it would go; the answer names worker and prompt. */
  constructor(
    fields: ReadonlySet<string>,
    observation: RequestObservation,
    queriedIds: ArrayLike<number> | null = null,
  ) {
    this.#queriedIds = queriedIds;
    this.#fields = fields;
    this.#observation = observation;
  }

  /** Something of it can be told. */
  static isWanted(fields: ReadonlySet<string>): boolean {
    return known.some((field) => fields.has(field));
  }

  get wantsTokenIds(): boolean {
    return this.#fields.has("completion_token_ids");
  }

  decided(record: DecisionRecord): void {
    this.#decision = record;
  }

  prefilled(decision: PrefillDecision): void {
    this.#prefill = decision;
  }

  routed(instance: Instance): void {
    this.#instanceId = instance.instanceId;
  }

  /** The JSON of one chunk's nvext; `null`: it has none. */
  ofChunk(delta: ChoiceDelta): string | null {
    return this.#toJson({
      tokenIds: delta.tokenIds,
      stopReason: delta.stopReason,
      isLast: delta.finishReason !== null,
    });
  }

  /** The JSON of a whole answer's nvext. */
  ofAnswer(choice: Pick<ChoiceDelta, "tokenIds" | "stopReason">): string | null {
    return this.#toJson({ ...choice, isLast: true });
  }

  /** Share of the prompt that the chosen worker had cached. */
  #hitRate(): { readonly kv_hit_rate?: number } {
    if (this.#decision === null) return {};
    const { overlapBlocks, promptBlocks } = this.#decision;
    return { kv_hit_rate: promptBlocks === 0 ? 0 : Math.min(1, overlapBlocks / promptBlocks) };
  }

  /** One worker for both where they are not apart. */
  #workers(decodeId: bigint): string {
    const decodeRank = this.#decision?.dpRank;
    const isApart = this.#prefill !== null && this.#prefill.workerId !== null;
    const prefillId = isApart ? this.#prefill!.workerId! : decodeId;
    const prefillRank = isApart ? (this.#prefill!.dpRank ?? undefined) : decodeRank;
    const rank = (name: string, value: number | undefined) =>
      value === undefined ? "" : `,"${name}_dp_rank":${value}`;
    return (
      `"prefill_worker_id":${prefillId}${rank("prefill", prefillRank)},` +
      `"decode_worker_id":${decodeId}${rank("decode", decodeRank)}`
    );
  }

  #toJson(answer: {
    readonly tokenIds: readonly number[] | null;
    readonly stopReason: string | number | null;
    readonly isLast: boolean;
  }): string | null {
    const parts: string[] = [];
    const isQuery = this.#queriedIds !== null;
    if ((isQuery || this.#fields.has("worker_id")) && this.#instanceId !== null) {
      parts.push(`"worker_id":{${this.#workers(this.#instanceId)}}`);
    }
    if (this.#queriedIds !== null) {
      parts.push(`"token_ids":${JSON.stringify(toNumbers(this.#queriedIds))}`);
    }
    if (answer.isLast && this.#fields.has("timing")) {
      const timing = { ...this.#observation.timing(), ...this.#hitRate() };
      parts.push(`"timing":${JSON.stringify(timing)}`);
    }
    if (answer.tokenIds !== null && this.wantsTokenIds) {
      parts.push(`"completion_token_ids":${JSON.stringify(answer.tokenIds)}`);
    }
    if (answer.isLast && answer.stopReason !== null && this.#fields.has("stop_reason")) {
      parts.push(`"stop_reason":${JSON.stringify(answer.stopReason)}`);
    }
    return parts.length === 0 ? null : `{${parts.join(",")}}`;
  }
}
