import type { IncomingMessage, ServerResponse } from "node:http";
import { CancelledError, DeadlineExceededError } from "@dyn/protocol";
import { readTraceContext, type TraceContext } from "@dyn/runtime";
import type { Tenant } from "../door/tenant.ts";
import { type ErrorFormat, openAiErrors } from "../errors/error-format.ts";
import type { EventLoopTurns } from "./event-loop-turns.ts";
import { requestIdOf } from "./request-id.ts";

/** One request and its response. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: string;
  /** Decoded, without the query. */
  readonly path: string;
  /** What stands behind the prefix of a prefix route. */
  pathRest = "";
  /** The client's own id of the request, else a new one; sent back as x-request-id. */
  readonly requestId: string;
  /** How errors are told; a route for other clients sets its own. */
  errorFormat: ErrorFormat = openAiErrors;
  /** Whose key it came with; `null` where no keys are set. */
  tenant: Tenant | null = null;
  /** What it is a part of: the client's span, then our own; `null`: nobody traces it. */
  trace: TraceContext | null;
  readonly #turns: EventLoopTurns;
  readonly #abort = new AbortController();

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    options: { readonly path: string; readonly turns: EventLoopTurns },
  ) {
    const { path, turns } = options;
    this.#turns = turns;
    this.request = request;
    this.response = response;
    this.method = request.method ?? "GET";
    this.path = path;
    this.requestId = requestIdOf(request);
    this.trace = readTraceContext(request.headers);
    response.setHeader("x-request-id", this.requestId);
    response.once("close", () => {
      if (!response.writableFinished) this.abort("The client closed the connection.");
    });
  }

  /** Aborted when the client leaves before its answer is complete (CancelledError), or its time is over (DeadlineExceededError). */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Its time on this thread, once it is here whole; `null`: now. */
  takeTurn(): Promise<void> | null {
    return this.#turns.take();
  }

  /** The time for the whole request is over. */
  expire(timeoutMs: number): void {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort(
      new DeadlineExceededError(
        `The request took longer than ${timeoutMs / 1000} s, the most that this server gives to one.`,
      ),
    );
  }

  abort(message: string): void {
    if (!this.#abort.signal.aborted) this.#abort.abort(new CancelledError(message));
  }
}
