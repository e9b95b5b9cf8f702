export {
  createLoadReporter,
  type LoadFigures,
  type LoadReporter,
  type LoadReporterOptions,
} from "./load/load-reporter.ts";
export { KvRelay, type KvRelayOptions, type RelayedBatch } from "./relay/kv-relay.ts";
export type { RelayCounters } from "./relay/relay-counters.ts";
export { createZmqRelay, type ZmqRelay, type ZmqRelayOptions } from "./relay/zmq-relay.ts";
