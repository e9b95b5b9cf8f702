import type { EngineOutputItem, PreprocessedRequest } from "@dyn/protocol";
import type { Annotated, CallOptions, Instance } from "@dyn/runtime";
import type { DecisionRecord } from "./decision/decision-record.ts";

export interface TokenCallOptions extends CallOptions {
  /** Why it goes where it goes; only where a KV router chooses. Before `onRouted`. */
  readonly onDecision?: (record: DecisionRecord) => void;
}

/** What a frontend needs of the client of an endpoint that takes token ids. */
export interface TokenClient {
  readonly instances: Instance[];
  generate(
    request: PreprocessedRequest,
    options?: TokenCallOptions,
  ): AsyncGenerator<Annotated<EngineOutputItem>>;
  close(): Promise<void>;
}
