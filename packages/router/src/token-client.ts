import type { EngineOutputItem, PreprocessedRequest } from "@dyn/protocol";
import type { Annotated, CallOptions, Instance } from "@dyn/runtime";
import type { DecisionRecord } from "./decision/decision-record.ts";
import type { PrefillDecision } from "./prefill/prefill-decision.ts";

export interface TokenCallOptions extends CallOptions<PreprocessedRequest> {
  /** Why it goes where it goes; only where a KV router chooses. Before `onRouted`. */
  readonly onDecision?: (record: DecisionRecord) => void;
  /** Where the prompt is prefilled; only where prefill and decode are apart. Once for each attempt, before `onRouted`. */
  readonly onPrefill?: (decision: PrefillDecision) => void;
  /** Seconds from the end of the prefill until the first token of its decode worker, 0 where the token came first. */
  readonly onHandedOver?: (seconds: number) => void;
  /** The same as `onPrefill` for the router of the decode worker, who keeps it with its own decision. */
  readonly prefill?: PrefillDecision;
}

/** What a frontend needs of the client of an endpoint that takes token ids. */
export interface TokenClient {
  readonly instances: Instance[];
  /** Those that take a request without a pause after a failure. Default: all. */
  readonly readyInstances?: Instance[];
  generate(
    request: PreprocessedRequest,
    options?: TokenCallOptions,
  ): AsyncGenerator<Annotated<EngineOutputItem>>;
  close(): Promise<void>;
}
