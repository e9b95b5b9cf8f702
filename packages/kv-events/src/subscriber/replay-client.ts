// Asks an engine's ROUTER for the batches from a sequence number on. A socket for each question: an answer that comes
// late cannot be taken for that of the next one.
import { DeadlineExceededError } from "@dyn/protocol";
import type { Dealer } from "zeromq";
import { decodeSequence, encodeSequence } from "../codec/engine/engine-frames.ts";
import { KvWireError } from "../codec/kv-wire-error.ts";
import { loadZmq } from "../zmq/zmq-library.ts";

export interface ReplayedBatch {
  readonly sequence: number;
  readonly payload: Uint8Array;
}

/**
 * Ends with the end mark. `timeoutMs` is the longest silence. Throws a DeadlineExceededError, a KvWireError for an
 * answer that is none, or what ZeroMQ says.
 */
export async function* requestReplay(
  endpoint: string,
  fromSequence: number,
  timeoutMs: number,
  signal: AbortSignal,
): AsyncGenerator<ReplayedBatch> {
  const zmq = await loadZmq();
  const socket: Dealer = new zmq.Dealer({
    linger: 0,
    receiveTimeout: timeoutMs,
    receiveHighWaterMark: 0,
  });
  const stop = () => socket.close();
  signal.addEventListener("abort", stop, { once: true });
  try {
    socket.connect(endpoint);
    await socket.send(["", encodeSequence(fromSequence)]);
    while (true) {
      const [empty, number, payload, ...more] = await receive(socket, endpoint, timeoutMs);
      if (empty?.length !== 0 || !number || !payload || more.length > 0) {
        throw new KvWireError("A replay's answer has an empty frame, a sequence and a payload.");
      }
      const sequence = decodeSequence(number);
      if (sequence < 0) return;
      yield { sequence, payload };
    }
  } finally {
    signal.removeEventListener("abort", stop);
    socket.close();
  }
}

async function receive(socket: Dealer, endpoint: string, timeoutMs: number): Promise<Buffer[]> {
  try {
    return await socket.receive();
  } catch (cause) {
    if ((cause as { code?: string }).code !== "EAGAIN") throw cause;
    throw new DeadlineExceededError(
      `${endpoint} did not answer a request for missed KV events within ${timeoutMs} ms.`,
      cause,
    );
  }
}
