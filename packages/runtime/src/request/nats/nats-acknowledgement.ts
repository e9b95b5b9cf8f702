// How a worker took a request that came over NATS: an empty reply = accepted (Dynamo 1.6.1); a text refuses it in the
// words of the TCP plane.
import { DynError, UnavailableError } from "@dyn/protocol";
import type { MsgHdrs, NatsConnection } from "@nats-io/transport-node";
import type { NatsLibrary } from "../../nats/nats-library.ts";
import type { NatsLink } from "../../nats/nats-link.ts";
import { acknowledgementToError } from "../tcp/acknowledgement.ts";

export interface NatsRequest {
  readonly subject: string;
  readonly headers: MsgHdrs;
  readonly payload: Uint8Array;
  readonly timeoutMs: number;
}

/** Resolves when the worker has taken the request; rejects with a DynError. */
export async function requestAcknowledgement(link: NatsLink, request: NatsRequest): Promise<void> {
  const { subject, headers, payload, timeoutMs } = request;
  const deadline = Date.now() + timeoutMs;
  await untilConnected(link, timeoutMs);
  refuseTooLarge(link.connection, payload);
  const timeout = Math.max(1, deadline - Date.now());
  // The client keeps an interrupted request waiting for its whole time, though no reply can come any more.
  let stopListening = () => {};
  const lost = new Promise<never>((_, reject) => {
    stopListening = link.onChange((isConnected) => {
      if (!isConnected) reject(disconnected());
    });
  });
  try {
    const reply = link.connection.request(subject, payload, { headers, timeout });
    const message = await Promise.race([reply, lost]);
    const refusal = acknowledgementToError(message.string());
    if (refusal !== null) throw refusal;
  } catch (error) {
    throw toDynError(error, request, link.library);
  } finally {
    stopListening();
  }
}

/** A request made while the server is away waits for its return, as long as it would wait for an answer. */
async function untilConnected(link: NatsLink, timeoutMs: number): Promise<void> {
  if (link.isConnected) return;
  let stopListening = () => {};
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      timer = setTimeout(() => reject(disconnected()), timeoutMs);
      stopListening = link.onChange((isConnected) => (isConnected ? resolve() : undefined));
    });
  } finally {
    clearTimeout(timer);
    stopListening();
  }
}

function refuseTooLarge(connection: NatsConnection, payload: Uint8Array): void {
  const maxBytes = connection.info?.max_payload;
  if (maxBytes === undefined || payload.length + headerAllowanceBytes <= maxBytes) return;
  throw new DynError(
    `The request of ${payload.length} bytes is too large for NATS, whose max_payload is ${maxBytes}. Raise max_payload at the server, or give --request-plane tcp.`,
    { code: "DYN_REQUEST_TOO_LARGE", status: 413 },
  );
}

/** Headers count towards max_payload. */
const headerAllowanceBytes = 1024;

function disconnected(): UnavailableError {
  return new UnavailableError("The connection to NATS is lost.", {
    code: "DYN_RUNTIME_NATS_UNREACHABLE",
  });
}

function toDynError(
  error: unknown,
  { subject, timeoutMs }: NatsRequest,
  library: NatsLibrary,
): DynError {
  if (DynError.is(error)) return error;
  if (isNoResponders(error, library)) {
    return new UnavailableError(`No worker listens on ${subject}.`, {
      code: "DYN_RUNTIME_CANNOT_CONNECT",
      cause: error,
    });
  }
  if (error instanceof library.errors.TimeoutError) {
    return new DynError(`The worker did not acknowledge a request within ${timeoutMs} ms.`, {
      code: "DYN_RUNTIME_CONNECT_TIMEOUT",
      status: 504,
      retryable: true,
      cause: error,
    });
  }
  return new UnavailableError(`A request on ${subject} could not be sent over NATS.`, {
    code: "DYN_RUNTIME_CANNOT_CONNECT",
    cause: error,
  });
}

function isNoResponders(error: unknown, { errors }: NatsLibrary): boolean {
  if (error instanceof errors.NoRespondersError) return true;
  return error instanceof errors.RequestError && error.isNoResponders();
}
