import { DynError, InvalidArgumentError } from "@dyn/protocol";

export function holdsPages(what: string): DynError {
  return new DynError(
    `The ${what} cannot go while requests use them: wait until none runs, or pause with mode "abort" or "retract" first.`,
    { code: "DYN_ENGINE_BUSY", status: 409, retryable: true },
  );
}

export function noWeights(kind: string): DynError {
  return new DynError(`The ${kind} executor has no weights that could be replaced.`, {
    code: "DYN_ENGINE_NO_WEIGHTS",
    status: 501,
  });
}

export function mixesWeights(): DynError {
  return new DynError(
    'Requests are frozen in mid-answer and would go on with the KV of the old weights: pause with mode "retract" or "abort", or pass flush_cache: false to keep that KV.',
    { code: "DYN_ENGINE_BUSY", status: 409, retryable: true },
  );
}

export function alreadyProfiling(): DynError {
  return new InvalidArgumentError("A profile is being taken already; stop it first.", {
    param: "start_profile",
  });
}

export function notProfiling(): DynError {
  return new InvalidArgumentError("No profile is being taken; start one first.", {
    param: "stop_profile",
  });
}
