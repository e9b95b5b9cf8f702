// A grammar as flat integers: what crosses from the compiling thread to the matching one.

/** What a state does. Operands a, b, c, d are in `operands`, four per state. */
export const op = {
  /** The rule, or the body of a repetition, is complete. State 0 is the one. */
  end: 0,
  /** Goes on at `edges[a .. a + b)`. */
  split: 1,
  /** Takes a byte: `edges[a .. a + 3 * b)` are (low, high, next). */
  bytes: 2,
  /** Enters the rule at a; b follows. */
  call: 3,
  /** The body at a, c to d times (-1: no end); b follows. */
  repeat: 4,
} as const;

/** Whether a state begins a character of a loop that takes every plain character. */
export const plain = {
  no: 0,
  /** As many as there are. */
  endless: 1,
  /** As many as the repetition above it has left. */
  counted: 2,
} as const;

export interface Program {
  readonly root: number;
  /** [stateCount] */
  readonly ops: Uint8Array;
  /** [stateCount x 4] */
  readonly operands: Int32Array;
  readonly edges: Int32Array;
  /** [stateCount] */
  readonly plain: Uint8Array;
}

export function programBytes(program: Program): number {
  const { ops, operands, edges } = program;
  return ops.byteLength * 2 + operands.byteLength + edges.byteLength;
}
