/** Where one way through the grammar stands: a state, and what follows when its rule or repetition is complete. */
export interface Stack {
  readonly state: number;
  /** -1: `state` is entered next. From 0: `state` is a repetition whose body is under way, so often done before. */
  readonly count: number;
  readonly parent: Stack | null;
  readonly id: number;
  /** The stacks upon this one, by state and count: each exists once. */
  readonly children: Map<number, Stack>;
  /** The round in which it was last looked at, as a place to go on from and as a repetition. */
  seen: number;
  seenRepeat: number;
}

/** Above any count. */
const countSpan = 2 ** 22;

export function childKey(state: number, count: number): number {
  return state * countSpan + count + 1;
}
