// The caller's half of one request that is answered by a call home, whatever carries the request itself.
// The subject is expected before the request is sent: the worker may call before it acknowledges.
import { randomUUID } from "node:crypto";
import { CancelledError, DeadlineExceededError, UnavailableError } from "@dyn/protocol";
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
  /** Aborted when the instance leaves discovery: nothing may ever come of a request without a prologue. */
  readonly withdrawn?: AbortSignal | undefined;
  /** An instance that leaves in order still answers what reached it; so long it is waited for. Default 5 000. */
  readonly withdrawnGraceMs?: number;
  /** Sends the request with this subject; resolves when the worker has taken it, rejects with its refusal. */
  readonly send: (subject: string) => Promise<void>;
}

export async function* callAndReceive(call: Call): AsyncGenerator<Annotated> {
  const { callHome, codec, context, prologueTimeoutMs, withdrawn } = call;
  const subject = randomUUID();
  const prologue = createDeadline();
  const withdrawal = createDeadline();
  let tellEnd = () => {};
  const ended = new Promise<void>((resolve) => {
    tellEnd = resolve;
  });
  const onPrologue = () => {
    prologue.clear();
    withdrawal.clear();
  };
  const receiver = new ResponseReceiver({ codec, onPrologue, onEnd: tellEnd });
  const onStop = () => (context.isKilled ? undefined : receiver.stop());
  const onKill = () => receiver.kill();
  const onWithdrawn = () => {
    if (receiver.hasPrologue) return;
    withdrawal.start(call.withdrawnGraceMs ?? 5_000, () => receiver.kill(withdrawnError()));
  };
  callHome.expect(subject, receiver);
  context.signal.addEventListener("abort", onStop, { once: true });
  context.killSignal.addEventListener("abort", onKill, { once: true });
  withdrawn?.addEventListener("abort", onWithdrawn, { once: true });
  try {
    if (context.isStopped) throw new CancelledError();
    if (withdrawn?.aborted) onWithdrawn();
    try {
      // A kill, or an answer that is over, does not wait for an acknowledgement.
      await Promise.race([call.send(subject), ended]);
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
    withdrawal.clear();
    callHome.forget(subject, receiver);
    withdrawn?.removeEventListener("abort", onWithdrawn);
    context.signal.removeEventListener("abort", onStop);
    context.killSignal.removeEventListener("abort", onKill);
    receiver.kill();
  }
}

function withdrawnError(): UnavailableError {
  return new UnavailableError("The instance left before it began to answer.", {
    code: "DYN_RUNTIME_DISCONNECTED",
  });
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
