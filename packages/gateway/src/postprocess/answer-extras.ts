// `nvext` of an answer: what the request asked to be told about its way. Ids are u64 numbers in the JSON, as the
// reference prints them, so this text is put together by hand.
import type { Instance } from "@dyn/runtime";
import type { RequestObservation } from "../observe/request-observation.ts";
import type { ChoiceDelta } from "./choice-delta.ts";

const known = ["worker_id", "timing", "stop_reason", "completion_token_ids"] as const;

export class AnswerExtras {
  readonly #fields: ReadonlySet<string>;
  readonly #observation: RequestObservation;
  #instanceId: bigint | null = null;

  constructor(fields: ReadonlySet<string>, observation: RequestObservation) {
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

  #toJson(answer: {
    readonly tokenIds: readonly number[] | null;
    readonly stopReason: string | number | null;
    readonly isLast: boolean;
  }): string | null {
    const parts: string[] = [];
    if (this.#fields.has("worker_id") && this.#instanceId !== null) {
      const id = this.#instanceId.toString();
      parts.push(`"worker_id":{"prefill_worker_id":${id},"decode_worker_id":${id}}`);
    }
    if (answer.isLast && this.#fields.has("timing")) {
      parts.push(`"timing":${JSON.stringify(this.#observation.timing())}`);
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
