import type { GenerateOutput } from "../contract/engine-output.ts";
import { type FlatOutputs, type RowExtra, rowWidth } from "./messages.ts";

export function flattenOutputs(
  outputs: readonly GenerateOutput[],
  handleOf: (requestId: string) => number,
): FlatOutputs {
  const rows = new Int32Array(outputs.length * rowWidth);
  const seeds = new Float64Array(outputs.length);
  const tokenIds: number[] = [];
  const extras: RowExtra[] = [];
  for (const [row, output] of outputs.entries()) {
    const { usage, samplerState, finish, logprobs, promptLogprobs, timing } = output;
    const at = row * rowWidth;
    rows[at] = handleOf(output.requestId);
    rows[at + 1] = output.index;
    rows[at + 2] = output.tokenIds.length;
    rows[at + 3] = usage.completionTokens;
    rows[at + 4] = usage.cachedTokens;
    rows[at + 5] = samplerState.step;
    seeds[row] = samplerState.seed;
    for (const id of output.tokenIds) tokenIds.push(id);
    if (finish !== null || logprobs !== null || promptLogprobs !== null || timing !== undefined) {
      extras.push({ row, finish, logprobs, promptLogprobs, ...(timing && { timing }) });
    }
  }
  return { rows, tokenIds: Int32Array.from(tokenIds), seeds, extras };
}

/** Calls `each` with every output, in order. `find` tells what the handle stands for; unknown handles are passed over. */
export function unflattenOutputs(
  flat: FlatOutputs,
  find: (handle: number) => { requestId: string; promptTokens: number } | undefined,
  each: (handle: number, output: GenerateOutput) => void,
): void {
  const { rows, seeds, extras } = flat;
  let token = 0;
  let extra = 0;
  for (let row = 0; row < seeds.length; row++) {
    const at = row * rowWidth;
    const handle = rows[at]!;
    const tokenIds = Array.from(flat.tokenIds.subarray(token, token + rows[at + 2]!));
    token += tokenIds.length;
    const sparse = extras[extra]?.row === row ? extras[extra++] : undefined;
    const known = find(handle);
    if (known === undefined) continue;
    each(handle, {
      requestId: known.requestId,
      index: rows[at + 1]!,
      tokenIds,
      logprobs: sparse?.logprobs ?? null,
      promptLogprobs: sparse?.promptLogprobs ?? null,
      finish: sparse?.finish ?? null,
      usage: {
        promptTokens: known.promptTokens,
        completionTokens: rows[at + 3]!,
        cachedTokens: rows[at + 4]!,
      },
      samplerState: { seed: seeds[row]!, step: rows[at + 5]! },
      ...(sparse?.timing && { timing: sparse.timing }),
    });
  }
}
