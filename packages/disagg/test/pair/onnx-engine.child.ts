// An ONNX engine in a process of its own, with its half of disaggregated serving. Told and asked over IPC.

import { createDisaggregation, type DisaggregationOptions } from "@dyn/disagg";
import type { GenerateRequest } from "@dyn/engine";
import { createOnnxEngine, type OnnxEngineOptions } from "@dyn/engine-onnx";
import { collect } from "./collect.ts";

export interface ChildOptions {
  readonly engine: Omit<OnnxEngineOptions, "kvTransfer">;
  readonly disaggregation: DisaggregationOptions | null;
}

export type ToChild =
  | { readonly type: "start"; readonly options: ChildOptions }
  | { readonly type: "generate"; readonly id: number; readonly request: GenerateRequest }
  | { readonly type: "metrics"; readonly id: number }
  | { readonly type: "close" };

const send = (message: unknown) => process.send!(message);

async function start({ engine: engineOptions, disaggregation }: ChildOptions): Promise<void> {
  const side = disaggregation === null ? null : await createDisaggregation(disaggregation);
  const engine = await createOnnxEngine({
    ...engineOptions,
    ...(side === null ? {} : { kvTransfer: side.transfer }),
  });
  process.on("message", async (message: ToChild) => {
    if (message.type === "generate") {
      const { id } = message;
      try {
        send({ id, answer: await collect(engine, message.request) });
      } catch (error) {
        send({ id, error: String(error) });
      }
    } else if (message.type === "metrics") {
      send({ id: message.id, answer: engine.metrics() });
    } else if (message.type === "close") {
      await engine.close();
      await side?.close();
      process.disconnect();
    }
  });
  send({ type: "ready", bootstrapPort: side?.bootstrapPort ?? null });
}

process.once("message", (message: ToChild) => {
  if (message.type === "start") void start(message.options);
});
