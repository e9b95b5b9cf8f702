// A rerank worker: a query and documents in, documents by relevance out.
import { createRerankHandler, rerankHealthPayload, yesNoTokenIds } from "@dyn/handlers";
import { createVectorCard } from "../card/create-vector-card.ts";
import { createVectorEngine } from "../vectors/create-vector-engine.ts";
import { serveVectors } from "../vectors/serve-vectors.ts";
import { SizeNotes } from "../vectors/size-notes.ts";
import type { VectorWorker, VectorWorkerParts } from "../vectors/vector-worker-parts.ts";

export async function initRerank(parts: VectorWorkerParts): Promise<VectorWorker> {
  const { args, modelDirectory, signal, tokenizer } = parts;
  const labelTokenIds = yesNoTokenIds(tokenizer);
  const engine = await createVectorEngine(args, { modelDirectory, labelTokenIds, signal });
  try {
    const card = createVectorCard(parts, "rerank", engine);
    const notes = new SizeNotes();
    const handler = createRerankHandler({
      engine,
      tokenizer,
      pool: parts.pool,
      shutdown: parts.shutdown,
      onAnswer: (sizes) => notes.observe(sizes),
    });
    const probe = rerankHealthPayload(card.displayName);
    return await serveVectors(parts, { engine, card, handler, notes, probe });
  } catch (error) {
    await engine.close();
    throw error;
  }
}
