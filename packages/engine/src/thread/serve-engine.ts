// The engine's side of the channel: runs on the thread that owns the executor. Says one message per step.
import type { MessagePort } from "node:worker_threads";
import { errorToRecord } from "@dyn/protocol";
import type { Executor } from "../contract/executor.ts";
import type { KvEventBatch } from "../contract/kv-event.ts";
import { EngineCore } from "../core/engine-core.ts";
import { EngineLoop } from "../core/engine-loop.ts";
import type { EngineOptions } from "../core/engine-options.ts";
import { flattenOutputs } from "./flat-outputs.ts";
import type { MessageFromEngine, MessageToEngine } from "./messages.ts";

/** Serves until `close` comes; then the executor is closed and the promise resolves. */
export function serveEngine(
  executor: Executor,
  port: MessagePort,
  options: EngineOptions = {},
): Promise<void> {
  const core = new EngineCore(executor, options);
  const handles = new Map<string, number>();
  const subscriptions = new Map<number, () => void>();
  const say = (message: MessageFromEngine) => port.postMessage(message);
  let heard = 0;
  let isStepTold = false;
  const read = () => ({ metrics: core.metrics(), heard });
  const loop = new EngineLoop(core, {
    // Whoever asks for a long prompt sees it advance before its first token.
    onStep: () => {
      if (!isStepTold) say({ type: "reading", reading: read() });
      isStepTold = false;
    },
    onIdle: () => say({ type: "reading", reading: read() }),
  });

  core.onOutputs((outputs) => {
    isStepTold = true;
    const flat = flattenOutputs(outputs, (requestId) => handles.get(requestId)!);
    for (const { requestId } of outputs) if (!core.holds(requestId)) handles.delete(requestId);
    say({ type: "outputs", outputs: flat, reading: read() });
  });

  const generate = ({ handle, request }: MessageToEngine & { type: "generate" }) => {
    heard++;
    if (!handles.has(request.requestId)) handles.set(request.requestId, handle);
    try {
      core.submit(request);
    } catch (error) {
      if (handles.get(request.requestId) === handle) handles.delete(request.requestId);
      say({ type: "refused", handle, error: errorToRecord(error), reading: read() });
      return;
    }
    loop.wake();
  };

  const close = async () => {
    core.close();
    await loop.idle();
    core.dispose();
    for (const unsubscribe of subscriptions.values()) unsubscribe();
    try {
      await executor.close();
      say({ type: "closed", error: null });
    } catch (error) {
      say({ type: "closed", error: errorToRecord(error) });
    }
  };

  return new Promise((resolve, reject) => {
    const receive = (message: MessageToEngine) => {
      switch (message.type) {
        case "generate":
          generate(message);
          break;
        case "abort":
          core.abort(message.requestId, message.message);
          break;
        case "abortAll":
          core.abortAll(message.message);
          break;
        case "subscribe": {
          const { subscription } = message;
          const listener = (batch: KvEventBatch) => say({ type: "kvEvents", subscription, batch });
          subscriptions.set(subscription, core.onKvEvents(listener));
          break;
        }
        case "unsubscribe":
          subscriptions.get(message.subscription)?.();
          subscriptions.delete(message.subscription);
          break;
        case "flushCache": {
          const done = core.flushCache();
          say({ type: "flushed", call: message.call, done, reading: read() });
          break;
        }
        case "control": {
          const { call, command } = message;
          const answer = (answer: (MessageFromEngine & { type: "controlled" })["answer"]) =>
            say({ type: "controlled", call, answer, reading: read() });
          core.control(command).then(
            (state) => answer({ state }),
            (error) => answer({ error: errorToRecord(error) }),
          );
          break;
        }
        case "close":
          port.off("message", receive);
          close().then(resolve, reject);
          break;
      }
    };
    port.on("message", receive);
    say({ type: "ready", info: core.info, reading: read() });
  });
}
