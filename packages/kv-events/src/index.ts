export {
  DriftAudit,
  type DriftAuditOptions,
  type ObservedRequest,
  type WorkerDrift,
} from "./audit/drift-audit.ts";
export type { BlockIds } from "./codec/block-ids.ts";
export { type DecodedEngineBatch, decodeEngineBatch } from "./codec/engine/decode-engine-batch.ts";
export { type EngineEncoding, encodeEngineBatch } from "./codec/engine/encode-engine-batch.ts";
export type {
  EngineBatch,
  EngineCleared,
  EngineEvent,
  EngineRemoved,
  EngineStored,
} from "./codec/engine/engine-event.ts";
export {
  decodeEngineFrames,
  type EngineMessage,
  encodeEngineFrames,
} from "./codec/engine/engine-frames.ts";
export { KvWireError } from "./codec/kv-wire-error.ts";
export type { BlockMedia, MediaObject } from "./codec/media-object.ts";
export { decodeMsgpack, encodeMsgpack } from "./codec/msgpack/plain-msgpack.ts";
export {
  type ActiveSequenceEvent,
  decodeActiveSequences,
  encodeActiveSequences,
  type SequenceAdded,
} from "./codec/plane/active-sequence.ts";
export {
  decodeSessionBinding,
  encodeSessionBinding,
  type SessionBinding,
} from "./codec/plane/session-binding.ts";
export { decodeWorkerLoad, encodeWorkerLoad, type WorkerLoad } from "./codec/plane/worker-load.ts";
export {
  decodeKvQuery,
  decodeKvQueryAnswer,
  encodeKvQuery,
  encodeKvQueryAnswer,
  type KvQuery,
  type KvQueryAnswer,
} from "./codec/query/kv-query.ts";
export { decodeRouterEvents } from "./codec/router/decode-router-events.ts";
export { encodeRouterEvents } from "./codec/router/encode-router-events.ts";
export type {
  ClearedData,
  RemovedData,
  RouterEvent,
  StoredData,
} from "./codec/router/router-event.ts";
export { type StorageTier, storageTiers } from "./codec/storage-tier.ts";
export type { BlockHashOptions } from "./hashing/block-hash-options.ts";
export { type BlockHasher, type BlockHashes, createBlockHasher } from "./hashing/block-hasher.ts";
export type { ApplyOutcome } from "./index/apply-outcome.ts";
export { ApproximateIndex, type ApproximateIndexOptions } from "./index/approximate-index.ts";
export { KvIndex, type WorkerBlocks } from "./index/kv-index.ts";
export type { KvIndexCounters } from "./index/kv-index-counters.ts";
export type { KvIndexOptions } from "./index/kv-index-options.ts";
export type { FindOptions, PrefixIndex, WorkerOverlap } from "./index/prefix-index.ts";
export {
  createKvEventPublisher,
  type KvEventPublisher,
  type KvEventPublisherOptions,
} from "./publisher/kv-event-publisher.ts";
export {
  type KvEventsConfig,
  type KvEventsConfigInput,
  parseKvEventsConfig,
} from "./publisher/kv-events-config.ts";
export type { RecordedBatch } from "./recording/event-line.ts";
export { EventRecorder, type EventRecorderOptions } from "./recording/event-recorder.ts";
export { type ReadRecordingOptions, readRecording } from "./recording/read-recording.ts";
export {
  type ToRouterEventsOptions,
  toRouterEvents,
  type UnnumberedEvent,
} from "./relay/to-router-events.ts";
export {
  createKvEventSubscriber,
  type KvEventDelivery,
  type KvEventSubscriber,
  type KvEventSubscriberOptions,
  type ResetReason,
} from "./subscriber/kv-event-subscriber.ts";
export type { SubscriberCounters } from "./subscriber/subscriber-counters.ts";
export { isBound, toLocalEndpoint, toRankEndpoint } from "./zmq/rank-endpoint.ts";
