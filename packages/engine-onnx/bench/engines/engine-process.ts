// Each engine has a process of its own, so that neither's memory or threads stand in the other's way.
// This file is both the child (when it is started) and what starts it.
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
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
  const child = fork(fileURLToPath(import.meta.url), {
    execArgv: ["--conditions=@dyn/source", "--import", "tsx"],
  });
  const call = (message: Call) => ask(child, message);
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

function ask(child: ChildProcess, message: Call): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null) => reject(new Error(`engine process ended (${code})`));
    child.once("exit", onExit);
    child.once("message", (answer: { value?: unknown; error?: string }) => {
      child.off("exit", onExit);
      if (answer.error === undefined) resolve(answer.value);
      else reject(new Error(answer.error));
    });
    child.send(message);
  });
}

if (process.send !== undefined && process.argv[1] === fileURLToPath(import.meta.url)) {
  let engine: BenchEngine | null = null;
  const handle = async (call: Call): Promise<unknown> => {
    if (call.type === "open") {
      engine = await openers[call.name](call.settings);
      return null;
    }
    if (engine === null) throw new Error("no engine is open");
    if (call.type === "prefill") return engine.prefill(call.tokenCount);
    if (call.type === "decode") {
      return engine.decode(call.batchSize, call.steps);
    }
    return engine.close();
  };
  process.on("message", async (call: Call) => {
    try {
      const value = await handle(call);
      process.send?.({ value });
    } catch (error) {
      process.send?.({ error: error instanceof Error ? error.stack : String(error) });
    }
    if (call.type === "close") process.exit(0);
  });
}
