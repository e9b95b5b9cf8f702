// The engines of the comparison, each in a process of its own.
import { serveChild, startChild } from "../child/bench-child.ts";
import type { BenchEngine, BenchSettings } from "./bench-engine.ts";
import { openDynEngine } from "./dyn-engine.ts";
import { openLlamaEngine } from "./llama-engine.ts";

const openers = { dyn: openDynEngine, llama: openLlamaEngine };
export type EngineName = keyof typeof openers;

type Call =
  | { readonly type: "open"; readonly name: EngineName; readonly settings: BenchSettings }
  | { readonly type: "prefill"; readonly tokenCount: number }
  | { readonly type: "decode"; readonly batchSize: number; readonly steps: number }
  | { readonly type: "close" };

/** Loads the engine in a child process. */
export async function startEngine(name: EngineName, settings: BenchSettings): Promise<BenchEngine> {
  const call = startChild<Call>(import.meta.url);
  await call({ type: "open", name, settings });
  return {
    prefill: async (tokenCount) => (await call({ type: "prefill", tokenCount })) as number,
    decode: async (batchSize, steps) =>
      (await call({ type: "decode", batchSize, steps })) as number,
    close: async () => {
      await call({ type: "close" });
    },
  };
}

let engine: BenchEngine | null = null;
serveChild<Call>(import.meta.url, async (call) => {
  if (call.type === "open") {
    engine = await openers[call.name](call.settings);
    return null;
  }
  if (engine === null) throw new Error("no engine is open");
  if (call.type === "prefill") return engine.prefill(call.tokenCount);
  if (call.type === "decode") return engine.decode(call.batchSize, call.steps);
  return engine.close();
});
