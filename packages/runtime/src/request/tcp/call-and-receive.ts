// The caller's half of one request that is answered by a call home, whatever carries the request itself.
// The subject is expected before the request is sent: the worker may call before it acknowledges.
import { randomUUID } from "node:crypto";
import { CancelledError, DeadlineExceededError } from "@dyn/protocol";
import type { PayloadCodec } from "../../codec/payload-codec.ts";
import type { RequestContext } from "../request-context.ts";
import type { Annotated } from "../request-plane.ts";
import type { CallHomeServer } from "./call-home-server.ts";
import { ResponseReceiver } from "./response-receiver.ts";

export interface Call {
  readonly callHome: CallHomeServer;
  readonly codec: PayloadCodec;
  readonly context: RequestContext;
  /** From the acknowledgement to the worker's prologue: covers its queue. */
  readonly prologueTimeoutMs: number;
  /** Sends the request with this subject; resolves when the worker has taken it, rejects with its refusal. */
  readonly send: (subject: string) => Promise<void>;
}

export async function* callAndReceive(call: Call): AsyncGenerator<Annotated> {
  const { callHome, codec, context, prologueTimeoutMs } = call;
  const subject = randomUUID();
  const prologue = createDeadline();
  const receiver = new ResponseReceiver({ codec, onPrologue: prologue.clear });
  const onStop = () => (context.isKilled ? undefined : receiver.stop());
  const onKill = () => receiver.kill();
  callHome.expect(subject, receiver);
  context.signal.addEventListener("abort", onStop, { once: true });
  context.killSignal.addEventListener("abort", onKill, { once: true });
  try {
    if (context.isStopped) throw new CancelledError();
    try {
      await untilKilled(call.send(subject), context.killSignal);
    } catch (error) {
      // A worker that answers has taken the request, whatever became of its acknowledgement.
      if (!receiver.hasPrologue) throw error;
    }
    if (!receiver.hasPrologue) {
      prologue.start(prologueTimeoutMs, () =>
        receiver.kill(
          new DeadlineExceededError(
            `The worker did not begin to answer within ${prologueTimeoutMs} ms.`,
          ),
        ),
      );
    }
    for (;;) {
      const next = await receiver.next();
      if (next.done) return;
      yield next.value;
    }
  } finally {
    prologue.clear();
    callHome.forget(subject);
    context.signal.removeEventListener("abort", onStop);
    context.killSignal.removeEventListener("abort", onKill);
    receiver.kill();
  }
}

/** Whichever comes first; a kill does not wait for an acknowledgement. */
async function untilKilled(sent: Promise<void>, killed: AbortSignal): Promise<void> {
  let onKill = () => {};
  const kill = new Promise<never>((_, reject) => {
    onKill = () => reject(killed.reason);
    killed.addEventListener("abort", onKill, { once: true });
    if (killed.aborted) onKill();
  });
  try {
    await Promise.race([sent, kill]);
  } finally {
    killed.removeEventListener("abort", onKill);
  }
}

function createDeadline() {
  let timer: NodeJS.Timeout | null = null;
  return {
    start: (afterMs: number, action: () => void) => {
      timer = setTimeout(action, afterMs);
    },
    clear: () => {
      if (timer !== null) clearTimeout(timer);
      timer = null;
    },
  };
}
