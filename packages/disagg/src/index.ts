export { type BootstrapServer, startBootstrapServer } from "./bootstrap/bootstrap-server.ts";
export { findPrefillRank, type RankQuery } from "./bootstrap/find-prefill-rank.ts";
export type { RankAddress, RankRegistration, Topology } from "./bootstrap/rank-registration.ts";
export {
  createDisaggregation,
  type Disaggregation,
  type DisaggregationHooks,
} from "./create-disaggregation.ts";
export type { DisaggregationOptions } from "./disaggregation-options.ts";
export type { RoomRecord } from "./rooms/room-record.ts";
export { protocolVersion as handOverProtocolVersion } from "./transport/peer-messages.ts";
