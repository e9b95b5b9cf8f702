// An embedding worker: texts or ids in, vectors out.
import { createEmbeddingHandler, embeddingHealthPayload } from "@dyn/handlers";
import { createVectorCard } from "../card/create-vector-card.ts";
import { createVectorEngine } from "../vectors/create-vector-engine.ts";
import { serveVectors } from "../vectors/serve-vectors.ts";
import { SizeNotes } from "../vectors/size-notes.ts";
import type { VectorWorker, VectorWorkerParts } from "../vectors/vector-worker-parts.ts";

export async function initEmbedding(parts: VectorWorkerParts): Promise<VectorWorker> {
  const { args, modelDirectory, signal } = parts;
  const engine = await createVectorEngine(args, { modelDirectory, labelTokenIds: null, signal });
  try {
    const card = createVectorCard(parts, "embedding", engine);
    const notes = new SizeNotes();
    const handler = createEmbeddingHandler({
      engine,
      tokenizer: parts.pool,
      model: card.displayName,
      shutdown: parts.shutdown,
      onAnswer: (sizes) => notes.observe(sizes),
    });
    const probe = embeddingHealthPayload(card.displayName);
    return await serveVectors(parts, { engine, card, handler, notes, probe });
  } catch (error) {
    await engine.close();
    throw error;
  }
}
