// What goes wrong between a prefill and a decode engine. The decode side may compute the prompt itself, or the pair may
// be tried again: everything here but a mismatch is retryable.
import { DynError, InvalidArgumentError, UnavailableError } from "@dyn/protocol";

export function prefillUnreachable(address: string, why: string, cause?: unknown): DynError {
  return new UnavailableError(
    `The prefill engine at ${address} cannot be reached: ${why}. Send the request to another one, or without its bootstrap fields.`,
    { code: "DYN_DISAGG_PREFILL_UNREACHABLE", cause },
  );
}

export function peerGone(address: string, why: string): DynError {
  return new UnavailableError(`The engine at ${address} is gone: ${why}.`, {
    code: "DYN_DISAGG_PEER_GONE",
  });
}

export function checksumMismatch(room: bigint, start: number, count: number): DynError {
  return new UnavailableError(
    `KV of tokens ${start} to ${start + count} of room ${room} arrived damaged: its checksum differs.`,
    { code: "DYN_DISAGG_CHECKSUM" },
  );
}

export function roomExpired(room: bigint, what: string, timeoutMs: number): DynError {
  return new DynError(`Room ${room} expired: ${what} within ${timeoutMs} ms.`, {
    code: "DYN_DISAGG_EXPIRED",
    status: 504,
    retryable: true,
  });
}

export function roomClosed(room: bigint): DynError {
  return new UnavailableError(
    `Room ${room} is closed: its prefill half has ended already. Draw a new room.`,
    { code: "DYN_DISAGG_ROOM_CLOSED" },
  );
}

export function roomTaken(room: bigint): DynError {
  return new DynError(`Room ${room} is in use; draw a new one from 0 .. 2^63 - 1.`, {
    code: "DYN_DISAGG_ROOM_IN_USE",
    status: 409,
    retryable: true,
  });
}

/** No retry of the same pair can help. */
export function engineMismatch(differences: readonly string[]): DynError {
  return new DynError(
    `The prefill and the decode engine cannot hand over to each other: ${differences.join("; ")}. Start both alike.`,
    { code: "DYN_DISAGG_MISMATCH", status: 503 },
  );
}

export function protocolFault(what: string): DynError {
  return new UnavailableError(`A hand-over connection broke the protocol: ${what}.`, {
    code: "DYN_DISAGG_PROTOCOL",
  });
}

export function invalidOption(param: string, value: unknown, expected: string): DynError {
  return new InvalidArgumentError(`${param} is ${value}; it must be ${expected}.`, { param });
}
