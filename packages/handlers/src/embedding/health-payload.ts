/** The request by which an embedding worker is probed (Dynamo 1.6.1). */
export function embeddingHealthPayload(model: string) {
  return { model, input: [1] };
}
