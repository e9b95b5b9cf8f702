export {
  type EndpointId,
  endpointPath,
  formatEndpointId,
  parseEndpointId,
} from "./address/endpoint-id.ts";
export { drawU53, drawU64 } from "./address/instance-id.ts";
export {
  AdmissionGate,
  type AdmissionLimits,
  type AdmissionPlace,
} from "./admission/admission-gate.ts";
export {
  type CallOptions,
  EndpointClient,
  type EndpointClientOptions,
} from "./client/endpoint-client.ts";
export type { InstanceMembers } from "./client/instance-members.ts";
export {
  createPicker,
  type Picker,
  type PickerView,
  type RouterMode,
  routerModes,
} from "./client/router-mode.ts";
export { RoutingSets } from "./client/routing-sets.ts";
export type { SharedLoad } from "./client/shared-load.ts";
export { EncodedMsgpack } from "./codec/encoded-msgpack.ts";
export { parseJson, stringifyJson } from "./codec/json-codec.ts";
export type { Discovery, DiscoveryEvent } from "./discovery/discovery.ts";
export { EtcdDiscovery, type EtcdDiscoveryOptions } from "./discovery/etcd-discovery.ts";
export { FileDiscovery, type FileDiscoveryOptions } from "./discovery/file-discovery.ts";
export {
  KubernetesDiscovery,
  type KubernetesDiscoveryOptions,
} from "./discovery/kubernetes/kubernetes-discovery.ts";
export {
  type Bucket,
  bucketOf,
  type DiscoveryRecord,
  type EventChannelRecord,
  type EventSourceRecord,
  type EventTransport,
  type Instance,
  type InstanceRecord,
  type ModelRecord,
  recordKey,
  topicPath,
} from "./discovery/record.ts";
export { decodeRecord, encodeRecord, type StoredRecord } from "./discovery/record-codec.ts";
export {
  type Component,
  DistributedRuntime,
  Endpoint,
  type Namespace,
  type Planes,
  ServedEndpoint,
} from "./distributed-runtime.ts";
export { findOwnAddress } from "./event/advertised-host.ts";
export type {
  EventEnvelope,
  EventPlane,
  EventPublisher,
  EventSubscription,
} from "./event/event-plane.ts";
export { NatsEventPlane, type NatsEventPlaneOptions } from "./event/nats-event-plane.ts";
export { ZmqEventPlane, type ZmqEventPlaneOptions } from "./event/zmq-event-plane.ts";
export { createMemHub, type MemHub } from "./mem-hub.ts";
export type { NatsOptions } from "./nats/nats-link.ts";
export { createPlanes, type PlaneOptions } from "./planes/create-planes.ts";
export {
  exitCodes,
  type ProgramOptions,
  type ReadyMessage,
  type RunningProgram,
  runProgram,
} from "./program/run-program.ts";
export {
  NatsRequestPlane,
  type NatsRequestPlaneOptions,
} from "./request/nats/nats-request-plane.ts";
export { type CancelKind, RequestContext } from "./request/request-context.ts";
export type { RequestEnd, RequestObserver } from "./request/request-observer.ts";
export type {
  Annotated,
  RequestHandler,
  RequestPlane,
  ServedRequests,
  ServeSettings,
} from "./request/request-plane.ts";
export { formatAddress } from "./request/tcp/control-message.ts";
export { TcpRequestPlane, type TcpRequestPlaneOptions } from "./request/tcp/tcp-request-plane.ts";
export { readTraceContext, type TraceContext } from "./request/trace-context.ts";
