/** What a subscriber has seen since it began. */
export interface SubscriberCounters {
  /** Batches given to the reader, live and replayed. */
  delivered: number;
  /** Of these, replayed ones. */
  replayed: number;
  /** Times that sequence numbers jumped. */
  gaps: number;
  /** Batches that nobody could give any more. */
  missed: number;
  /** Batches that came again and were left out. */
  duplicates: number;
  /** Times that the publisher turned out to be a new one. */
  epochs: number;
  /** Times that the reader had to start over. */
  resets: number;
  /** Messages that could not be read at all. */
  unreadable: number;
  /** Events inside readable batches that could not be read, or are of a kind not known here. */
  oddEvents: number;
}

export function zeroCounters(): SubscriberCounters {
  return {
    delivered: 0,
    replayed: 0,
    gaps: 0,
    missed: 0,
    duplicates: 0,
    epochs: 0,
    resets: 0,
    unreadable: 0,
    oddEvents: 0,
  };
}
