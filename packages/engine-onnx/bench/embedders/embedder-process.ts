// The embedders of the comparison, each in a process of its own.
import { serveChild, startChild } from "../child/bench-child.ts";
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
  const call = startChild<Call>(import.meta.url);
  await call({ type: "open", name, settings });
  return {
    embed: async (textCount, tokenCount) =>
      (await call({ type: "embed", textCount, tokenCount })) as EmbedCost,
    close: async () => {
      await call({ type: "close" });
    },
  };
}

let embedder: BenchEmbedder | null = null;
serveChild<Call>(import.meta.url, async (call) => {
  if (call.type === "open") {
    embedder = await openers[call.name](call.settings);
    return null;
  }
  if (embedder === null) throw new Error("no model is open");
  if (call.type === "embed") return embedder.embed(call.textCount, call.tokenCount);
  return embedder.close();
});
