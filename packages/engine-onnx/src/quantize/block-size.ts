/**
 * Weights of a row that share one scale: the largest block that divides the row (128 is the fastest, measured),
 * or `null` when none does and the tensor stays unquantised.
 */
export function chooseBlockSize(inputSize: number): number | null {
  return [128, 64, 32].find((size) => inputSize % size === 0) ?? null;
}
