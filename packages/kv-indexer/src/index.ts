export type { EngineListenerOptions, ListenerStatus } from "./engines/engine-listener.ts";
export {
  type EngineRegistration,
  type IndexedWorker,
  KvIndexer,
  type KvIndexerOptions,
  type PromptQuery,
} from "./engines/kv-indexer.ts";
export {
  createIndexerServer,
  IndexerServer,
  type IndexerServerOptions,
} from "./http/indexer-server.ts";
export type { IndexerPeers } from "./http/peers.ts";
