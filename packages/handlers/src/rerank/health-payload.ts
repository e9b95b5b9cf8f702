/** The request by which a rerank worker is probed (Dynamo 1.6.1). */
export function rerankHealthPayload(model: string) {
  return { model, query: "health check", documents: ["health check"] };
}
