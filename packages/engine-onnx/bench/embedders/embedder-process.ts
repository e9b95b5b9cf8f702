// Each side has a process of its own. This file is both the child (when it is started) and what starts it.
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { openDynEmbedder } from "./dyn-embedder.ts";
import type { BenchEmbedder, EmbedCost, EmbedderSettings } from "./embedder.ts";
import { openLlamaEmbedder } from "./llama-embedder.ts";

const openers = { dyn: openDynEmbedder, llama: openLlamaEmbedder };
export type EmbedderName = keyof typeof openers;

type Call =
  | { readonly type: "open"; readonly name: EmbedderName; readonly settings: EmbedderSettings }
  | { readonly type: "embed"; readonly textCount: number; readonly tokenCount: number }
  | { readonly type: "close" };

/** Loads the model in a child process. */
export async function startEmbedder(
  name: EmbedderName,
  settings: EmbedderSettings,
): Promise<BenchEmbedder> {
  const child = fork(fileURLToPath(import.meta.url), {
    execArgv: ["--conditions=@dyn/source", "--import", "tsx"],
  });
  const call = (message: Call) => ask(child, message);
  await call({ type: "open", name, settings });
  return {
    embed: async (textCount, tokenCount) =>
      (await call({ type: "embed", textCount, tokenCount })) as EmbedCost,
    close: async () => {
      await call({ type: "close" });
    },
  };
}

function ask(child: ChildProcess, message: Call): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null) => reject(new Error(`embedder process ended (${code})`));
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
  let embedder: BenchEmbedder | null = null;
  const handle = async (call: Call): Promise<unknown> => {
    if (call.type === "open") {
      embedder = await openers[call.name](call.settings);
      return null;
    }
    if (embedder === null) throw new Error("no model is open");
    if (call.type === "embed") return embedder.embed(call.textCount, call.tokenCount);
    return embedder.close();
  };
  process.on("message", async (call: Call) => {
    try {
      process.send?.({ value: await handle(call) });
    } catch (error) {
      process.send?.({ error: error instanceof Error ? error.stack : String(error) });
    }
    if (call.type === "close") process.exit(0);
  });
}
