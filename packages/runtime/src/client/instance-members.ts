/** Some of the instances of an endpoint, as they come and go: those that serve one model, where others serve another there. */
export interface InstanceMembers {
  has(instanceId: bigint): boolean;
  /** Calls back behind each change until the function that it returns is called. */
  onChange(listener: () => void): () => void;
}
