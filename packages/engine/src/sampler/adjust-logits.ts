// Everything that changes a row of logits before temperature, in SGLang's order: frequency and presence penalties
// and the minimum length, repetition penalty, grammar mask, logit bias. Then what rules over all: the tokens that the
// request lets in, and the end of reasoning that is too long. All of it in place.
import type { SamplerSequence } from "./sampler-sequence.ts";

/** `logits`: [vocabSize]; `mask`: scratch, [ceil(vocabSize / 32)]. */
export function adjustLogits(
  logits: Float32Array,
  sequence: SamplerSequence,
  mask: Int32Array,
): void {
  const { params, counts, bias, grammar } = sequence;
  if (sequence.step < params.minNewTokens) forbid(logits, sequence.endTokenIds);
  if (counts !== null && counts.size > 0) {
    const { frequencyPenalty, presencePenalty, repetitionPenalty } = params;
    for (let i = 0; i < counts.size; i++) {
      const tokenId = counts.tokenIds[i]!;
      const logit = logits[tokenId]! - (frequencyPenalty * counts.counts[i]! + presencePenalty);
      logits[tokenId] = logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty;
    }
  }
  if (grammar?.fillMask(mask)) applyMask(logits, mask);
  for (let i = 0; i < bias.length; i++) {
    const entry = bias[i]!;
    logits[entry.tokenId]! += entry.bias;
  }
  sequence.rules?.apply(logits);
  const forcedId = sequence.thinking?.forcedId ?? null;
  if (forcedId !== null) logits.fill(Number.NEGATIVE_INFINITY)[forcedId] = 0;
}

function forbid(logits: Float32Array, tokenIds: readonly number[]): void {
  for (let i = 0; i < tokenIds.length; i++) {
    const tokenId = tokenIds[i]!;
    if (tokenId < logits.length) logits[tokenId] = Number.NEGATIVE_INFINITY;
  }
}

function applyMask(logits: Float32Array, mask: Int32Array): void {
  for (let word = 0; word < mask.length; word++) {
    const allowed = mask[word]!;
    if (allowed === -1) continue;
    const start = word << 5;
    const end = Math.min(start + 32, logits.length);
    for (let id = start; id < end; id++) {
      if ((allowed & (1 << (id & 31))) === 0) logits[id] = Number.NEGATIVE_INFINITY;
    }
  }
}
