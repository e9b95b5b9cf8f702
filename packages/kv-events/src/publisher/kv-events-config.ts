import { InvalidArgumentError } from "@dyn/protocol";
import { z } from "zod";
import { isEndpoint } from "../zmq/rank-endpoint.ts";

const form = "an address is tcp://HOST:PORT, ipc://PATH or inproc://NAME";
const endpoint = z.string().refine(isEndpoint, { error: form });

const schema = z.strictObject({
  publisher: z.enum(["null", "zmq"]).default("null"),
  endpoint: endpoint.default("tcp://*:5557"),
  replay_endpoint: endpoint.nullable().default(null),
  buffer_steps: z.int().min(1).default(10_000),
  hwm: z.int().min(0).default(100_000),
  max_queue_size: z.int().min(1).default(100_000),
  topic: z.string().default(""),
});

/** `--kv-events-config` in SGLang's spelling; what is left out has SGLang's default. */
export type KvEventsConfigInput = z.input<typeof schema>;

export interface KvEventsConfig {
  /** "null" publishes nothing. */
  readonly publisher: "null" | "zmq";
  /** Of rank 0; bound when it has a wildcard host, ipc or inproc, else connected to. */
  readonly endpoint: string;
  /** Of rank 0, where missed batches are asked for; `null`: nowhere. */
  readonly replayEndpoint: string | null;
  /** Batches kept for replay. */
  readonly bufferSteps: number;
  /** Messages that ZeroMQ holds for one slow subscriber; 0 = no limit. */
  readonly highWaterMark: number;
  /** Batches that wait for the socket. */
  readonly maxQueueSize: number;
  readonly topic: string;
}

/** Takes the flag's JSON text or what it parses to. Throws an InvalidArgumentError that names the field. */
export function parseKvEventsConfig(input: string | KvEventsConfigInput): KvEventsConfig {
  const parsed = schema.safeParse(typeof input === "string" ? parseJson(input) : input);
  if (!parsed.success) throw refuse(z.prettifyError(parsed.error), parsed.error);
  const config = parsed.data;
  return {
    publisher: config.publisher,
    endpoint: config.endpoint,
    replayEndpoint: config.replay_endpoint,
    bufferSteps: config.buffer_steps,
    highWaterMark: config.hwm,
    maxQueueSize: config.max_queue_size,
    topic: config.topic,
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw refuse(`it is no JSON: ${text}`, cause);
  }
}

function refuse(problem: string, cause: unknown): InvalidArgumentError {
  return new InvalidArgumentError(
    `--kv-events-config cannot be used: ${problem}. An example: {"publisher":"zmq","endpoint":"tcp://*:5557"}`,
    { param: "kv_events_config", cause },
  );
}
