/** What the processes that route to the same instances tell each other. */
export interface SharedLoad {
  /** Requests of this process at the instance are `by` more (or less). Called for each request: it must be cheap. */
  changed(instanceId: bigint, by: number): void;
  /** Requests of the other processes that run at the instance, as far as it is known here. */
  others(instanceId: bigint): number;
}
