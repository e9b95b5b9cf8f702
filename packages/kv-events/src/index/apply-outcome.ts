/**
 * What an event did. `unknownParent`: the block before is not known, so its place is not either; nothing was stored.
 * `unknownBlocks`: some of the removed blocks were not held, the others are gone. `full`: 65,536 ranks are known.
 */
export type ApplyOutcome = "applied" | "unknownParent" | "unknownBlocks" | "full";
