/** What a relay has done since it began. */
export interface RelayCounters {
  /** Messages on the event plane. */
  messages: number;
  /** Router events in them, which is the newest event id. */
  events: number;
  /** Times that routers were told to forget everything. */
  resets: number;
  /** Batches of another rank, left out. */
  foreignBatches: number;
  /** Stored events below a block that was never told of; counted where there is a local index. */
  orphans: number;
}

export function zeroRelayCounters(): RelayCounters {
  return { messages: 0, events: 0, resets: 0, foreignBatches: 0, orphans: 0 };
}
