import { InvalidArgumentError, UnavailableError } from "@dyn/protocol";

export function noPrefillWorker(model: string): UnavailableError {
  return new UnavailableError(
    `No prefill worker of ${model} is there, and its decode workers cannot prefill. Start one, or wait for it.`,
    { code: "DYN_ROUTER_NO_PREFILL_WORKER" },
  );
}

export function unknownWorker(id: number | bigint): InvalidArgumentError {
  return new InvalidArgumentError(
    `nvext.prefill_worker_id is ${id}, and no such prefill worker serves this model. Leave it out, or take an id from /health.`,
    { param: "nvext.prefill_worker_id" },
  );
}
