// What each route does, with bodies read and answers still plain values.
import { decodeMsgpack, encodeRouterEvents } from "@dyn/kv-events";
import { DynError } from "@dyn/protocol";
import { z } from "zod";
import type { IndexedWorker, KvIndexer } from "../engines/kv-indexer.ts";
import { HashQueryBody, PeerBody, QueryBody, RegisterBody, UnregisterBody } from "./bodies.ts";
import { overlapsToJson } from "./overlaps-to-json.ts";
import type { IndexerPeers } from "./peers.ts";

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}
/** By method and path. */
export type IndexerRoutes = Readonly<Record<string, (body: unknown) => Answer | Promise<Answer>>>;

const done = { status: "ok" };

export function createIndexerRoutes(
  indexer: KvIndexer,
  peers: IndexerPeers,
  onProblem: (message: string, error: unknown) => void,
): IndexerRoutes {
  return {
    "POST /register": async (value) => {
      const body = read(RegisterBody, value);
      await indexer.register({
        workerId: body.instance_id,
        dpRank: body.dp_rank ?? 0,
        endpoint: body.endpoint,
        replayEndpoint: body.replay_endpoint ?? null,
        model: body.model_name,
        routingGroup: body.routing_group,
        blockSize: body.block_size,
      });
      return { status: 201, body: done };
    },
    "POST /unregister": async (value) => {
      const body = read(UnregisterBody, value);
      await indexer.unregister({
        workerId: body.instance_id,
        dpRank: body.dp_rank ?? null,
        model: body.model_name,
        routingGroup: body.routing_group ?? null,
      });
      return { status: 200, body: done };
    },
    "GET /workers": () => ({ status: 200, body: indexer.workers().map(workerToJson) }),
    "POST /query": (value) => {
      const body = read(QueryBody, value);
      const { blockSize, overlaps } = indexer.find({
        model: body.model_name,
        routingGroup: body.routing_group,
        tokenIds: body.token_ids,
        loraName: body.lora_name ?? null,
        cacheSalt: body.cache_salt ?? body.cache_namespace ?? null,
      });
      return { status: 200, body: overlapsToJson(overlaps, blockSize) };
    },
    "POST /query_by_hash": (value) => {
      const body = read(HashQueryBody, value);
      const where = { model: body.model_name, routingGroup: body.routing_group };
      const hashes = BigUint64Array.from(body.block_hashes);
      const { blockSize, overlaps } = indexer.findByHash(where, hashes);
      return { status: 200, body: overlapsToJson(overlaps, blockSize) };
    },
    "GET /dump": () => ({
      status: 200,
      body: Object.fromEntries(
        Array.from(indexer.dump(), ([key, { blockSize, events }]) => [
          key,
          { block_size: blockSize, events: decodeMsgpack(encodeRouterEvents(events)) },
        ]),
      ),
    }),
    "GET /peers": () => ({ status: 200, body: peers.urls }),
    "POST /register_peer": (value) => {
      const { url } = read(PeerBody, value);
      // Its dump may take a while; whoever registers it does not wait.
      peers.add(url).catch((error) => onProblem(`The peer ${url} told nothing.`, error));
      return { status: 201, body: done };
    },
    "POST /deregister_peer": (value) => {
      const { url } = read(PeerBody, value);
      if (peers.delete(url)) return { status: 200, body: done };
      return { status: 404, body: { error: `peer ${url} not found` } };
    },
    "GET /health": () => ({ status: 200, body: null }),
  };
}

function read<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new DynError(`The body cannot be read: ${z.prettifyError(parsed.error)}`, {
    code: "DYN_INDEXER_BODY",
    status: 422,
  });
}

function workerToJson({ workerId, model, routingGroup, blockSize, listeners }: IndexedWorker) {
  const ranks = listeners.map(({ dpRank, endpoint, status }) => ({ dpRank, endpoint, status }));
  return {
    instance_id: workerId,
    source: "zmq",
    status: ranks.some(({ status }) => status === "failed") ? "failed" : "active",
    model_name: model,
    routing_group: routingGroup,
    block_size: blockSize,
    endpoints: Object.fromEntries(ranks.map(({ dpRank, endpoint }) => [dpRank, endpoint])),
    listeners: Object.fromEntries(
      ranks.map(({ dpRank, endpoint, status }) => [dpRank, { endpoint, status }]),
    ),
  };
}
