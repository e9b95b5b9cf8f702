// What goes wrong between two engines. All are retryable: the same request, without its bootstrap fields or with
// another prefill engine, may succeed here.
import { DynError, OverloadedError, UnavailableError } from "@dyn/protocol";

export function roomInUse(room: bigint): DynError {
  return new DynError(
    `Bootstrap room ${room} is in use by another request of this engine; draw a new one from 0 .. 2^63 - 1.`,
    { code: "DYN_DISAGG_ROOM_IN_USE", status: 409, retryable: true, param: "disaggregation" },
  );
}

export function tooManyRooms(limit: number): DynError {
  return new OverloadedError(
    `${limit} requests wait for their decode side already; send it again later, or raise maxQueuedRequests.`,
    { code: "DYN_ENGINE_QUEUE_FULL" },
  );
}

export function transferGone(): DynError {
  return new UnavailableError(
    "The thread that moves KV between engines is gone; this engine hands nothing over any more. Restart the worker.",
    { code: "DYN_DISAGG_TRANSFER_GONE" },
  );
}

/** The KV came, but not as announced. */
export function transferFault(room: bigint, what: string): DynError {
  return new UnavailableError(`The hand-over of room ${room} failed: ${what}.`, {
    code: "DYN_DISAGG_TRANSFER_FAILED",
  });
}
