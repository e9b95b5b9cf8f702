export { overrideCost } from "./choice/cost-override.ts";
export {
  createKvRoutedClient,
  KvRoutedClient,
  type KvRoutedClientOptions,
} from "./choice/kv-routed-client.ts";
export { createKvRouter, KvRouter } from "./choice/kv-router.ts";
export type { KvRouterOptions } from "./choice/kv-router-options.ts";
export { optionsToSettings, settingOptions } from "./choice/options-to-settings.ts";
export { policyName } from "./choice/pick-candidate.ts";
export type { CachePromise, RouteChoice, RouteQuery } from "./choice/route-query.ts";
export {
  completeRouterSettings,
  defaultRouterSettings,
  type RouterSettings,
} from "./choice/router-settings.ts";
export {
  type CostSettings,
  checkCostSettings,
  defaultCostSettings,
  type LoadModel,
} from "./cost/cost-settings.ts";
export { decodeWeight } from "./cost/decode-weight.ts";
export { type Pick, pickLowest } from "./cost/pick-lowest.ts";
export {
  defaultTwoTierSettings,
  pickTwoTier,
  type TwoTierSettings,
} from "./cost/pick-two-tier.ts";
export {
  type CachedBlocks,
  type RankLoad,
  type RequestSize,
  type WorkerCost,
  workerCost,
} from "./cost/worker-cost.ts";
export {
  type CandidateRecord,
  type DecisionRecord,
  decisionToJson,
} from "./decision/decision-record.ts";
export {
  type DecisionSpan,
  decisionToSpan,
  type SpanAttributes,
} from "./decision/decision-span.ts";
export { RemoteIndex, type RemoteIndexOptions } from "./indexer/remote-index.ts";
export { serveIndexer } from "./indexer/serve-indexer.ts";
export {
  type IntakeCounters,
  KvEventIntake,
  type KvEventIntakeOptions,
} from "./intake/kv-event-intake.ts";
export {
  type SourceCounters,
  SourceFollower,
  type SourceFollowerOptions,
} from "./intake/source-follower.ts";
export { WorkerDirectory } from "./intake/worker-facts.ts";
export {
  ActiveRequests,
  type ActiveRequestsOptions,
  type RankId,
  toBlockKeys,
} from "./load/active-requests.ts";
export {
  type BusyThresholds,
  checkBusyThresholds,
  noThresholds,
  type ThresholdHolder,
} from "./load/busy-thresholds.ts";
export {
  createLoadGuardedClient,
  LoadGuardedClient,
  type LoadGuardedClientOptions,
} from "./load/load-guarded-client.ts";
export {
  createMigratingClient,
  type MigratingClient,
  type Migration,
  type MigrationOptions,
} from "./migration/migrating-client.ts";
export { createPrefillMetrics, type PrefillMetrics } from "./observe/prefill-metrics.ts";
export {
  createRouterMetrics,
  type RouterMetrics,
  type RouterMetricsOptions,
  type RoutingPhase,
} from "./observe/router-metrics.ts";
export type { RouterObserver } from "./observe/router-observer.ts";
export type { WorkerProblem, WorkerProblemKind } from "./observe/worker-problems.ts";
export { applyPolicyFile, type RouterStage, type StageSelection } from "./policy/policy-file.ts";
export type { Profile, ProfileFilter, ProfilePicker, ProfileScorer } from "./policy/profile.ts";
export {
  type ConditionalPolicy,
  type ConditionalSettings,
  completeConditionalSettings,
  defaultConditionalSettings,
} from "./prefill/conditional-settings.ts";
export {
  createDisaggregatedClient,
  DisaggregatedClient,
  type DisaggregatedClientOptions,
} from "./prefill/disaggregated-client.ts";
export { HandOverPairs, type MismatchedPair } from "./prefill/hand-over-pairs.ts";
export {
  type PrefillDecision,
  type PrefillFlow,
  type PrefillReason,
  prefillDecisionToJson,
} from "./prefill/prefill-decision.ts";
export { PrefillFailure } from "./prefill/prefill-leg.ts";
export { PrefillPool, type PrefillPoolOptions } from "./prefill/prefill-pool.ts";
export {
  classOf,
  type QueueClass,
  type QueueClasses,
} from "./queue/queue-classes.ts";
export {
  defaultQueueSettings,
  type QueuePolicy,
  type QueueSettings,
  RequestQueue,
} from "./queue/request-queue.ts";
export { type RouterServiceOptions, routerComponent, serveRouter } from "./service/serve-router.ts";
export type { SessionSettings } from "./session/session-bindings.ts";
export type { TokenCallOptions, TokenClient } from "./token-client.ts";
