// The errors an engine gives that are about itself, not about the request's fields.
import {
  type DynError,
  InternalError,
  InvalidArgumentError,
  OverloadedError,
  UnavailableError,
} from "@dyn/protocol";

export function requestIdInUse(requestId: string): DynError {
  return new InvalidArgumentError(
    `The request id ${JSON.stringify(requestId)} is in use; give each request its own.`,
    { param: "requestId" },
  );
}

export function closedError(): DynError {
  return new UnavailableError("The engine is closed.", { code: "DYN_ENGINE_CLOSED" });
}

export function drainingError(): DynError {
  return new UnavailableError("The engine is draining and takes no new requests.", {
    code: "DYN_ENGINE_DRAINING",
  });
}

/** The thread that computes is gone. The same request may succeed at another worker. */
export function threadDied(cause?: unknown): DynError {
  const why = cause instanceof Error ? `: ${cause.message}` : "";
  return new UnavailableError(`The engine thread died${why}.`, {
    code: "DYN_ENGINE_THREAD_DIED",
    cause,
  });
}

export function displacedError(): DynError {
  return new OverloadedError(
    "The request queue is full and a request of higher priority took this one's place; send it again later.",
    { code: "DYN_ENGINE_QUEUE_FULL" },
  );
}

export function noGrammars(): DynError {
  return new InvalidArgumentError(
    "The request has a grammar, but this engine was started without a tokenizer and cannot follow one. Send it without a grammar.",
    { param: "grammar" },
  );
}

export function noDisaggregation(): DynError {
  return new InvalidArgumentError(
    "The request is half of a disaggregated one, but this engine was started without disaggregation. Start it with a disaggregation mode, or send the request without its bootstrap fields.",
    { param: "disaggregation" },
  );
}

export function noKvStore(kind: string): DynError {
  return new InvalidArgumentError(
    `The ${kind} executor cannot give or take KV, so its engine takes no part in disaggregated serving; start it without a disaggregation mode.`,
    { param: "kvTransfer" },
  );
}

export function outOfPages(): DynError {
  return new InternalError(
    "The KV cache ran out of pages for the only running request; give the engine more KV memory (maxTotalTokens).",
  );
}
