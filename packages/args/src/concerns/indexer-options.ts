import { z } from "zod";
import { option } from "../option/option-meta.ts";

const group = "Indexer";

/** An index of KV caches over HTTP, fed by engines' own event sockets. */
export const indexerOptions = z.object({
  host: option("Address to listen on.", z.string().min(1).default("0.0.0.0"), {
    env: "DYN_INDEXER_HOST",
    group,
  }),
  port: option(
    "Port to listen on; 0: any free one.",
    z.number().int().min(0).max(65_535).default(8090),
    {
      env: "DYN_INDEXER_PORT",
      group,
    },
  ),
  blockSize: option(
    "Tokens of a block of the engines that --workers names.",
    z.number().int().min(1).max(16_384).optional(),
    { env: "DYN_INDEXER_BLOCK_SIZE", group },
  ),
  workers: option(
    "Engines to follow from the start: id=tcp://host:port, or id:rank=tcp://host:port, separated by commas.",
    z.array(z.string().min(1)).default([]),
    { env: "DYN_INDEXER_WORKERS", list: "comma", group, placeholder: "WORKERS" },
  ),
  modelName: option("Model of these engines.", z.string().min(1).default("default"), {
    env: "DYN_INDEXER_MODEL_NAME",
    group,
    placeholder: "NAME",
  }),
  routingGroup: option("Routing group of these engines.", z.string().min(1).default("default"), {
    env: "DYN_INDEXER_ROUTING_GROUP",
    group,
    placeholder: "NAME",
  }),
  peers: option(
    "Other indexers: what they hold is taken over at the start.",
    z.array(z.string().min(1)).default([]),
    { env: "DYN_INDEXER_PEERS", list: "comma", group, placeholder: "URLS" },
  ),
  indexBytes: option(
    "Bound of each index in bytes; beyond it the blocks used longest ago are forgotten.",
    z
      .number()
      .int()
      .min(65_536)
      .default(2 ** 30),
    { env: "DYN_INDEXER_INDEX_BYTES", humanInteger: true, group },
  ),
  threads: option("Threads that take in events.", z.number().int().min(1).default(4), {
    env: "DYN_INDEXER_THREADS",
    group,
    hidden: true,
    noEffect: "one thread takes in some million blocks a second.",
  }),
});
