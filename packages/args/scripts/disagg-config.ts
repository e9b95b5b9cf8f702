// The file of --disagg-config for other languages: its schema, what it takes and what it refuses.
import { sectionsToJsonSchema, workerCommand } from "@dyn/args";

const events = { publisher: "zmq", topic: "kv-events", endpoint: "tcp://*:5557" };
const model = { "model-path": "Qwen/Qwen3-0.6B", "served-model-name": "qwen", "page-size": 16 };

export const disaggConfig: {
  readonly schema: Readonly<Record<string, unknown>>;
  readonly valid: readonly unknown[];
  readonly invalid: readonly unknown[];
} = {
  schema: sectionsToJsonSchema(workerCommand, {
    id: "urn:dyn:v1:disagg-config",
    title: "The file of dyn-worker's --disagg-config",
  }),
  valid: [
    {
      prefill: {
        ...model,
        "disaggregation-mode": "prefill",
        "disaggregation-bootstrap-port": 12345,
        host: "0.0.0.0",
        tp: 1,
        "kv-events-config": events,
      },
      decode: { ...model, "disaggregation-mode": "decode", "trust-remote-code": true },
    },
    {
      decode: {
        "model-path": "dyn-tiny-chat",
        "disaggregation-mode": "decode",
        "endpoint-types": ["chat", "completions"],
        "max-total-tokens": "4k",
        "kv-events-config": JSON.stringify(events),
        "enable-metrics": true,
        "dp-size": "2",
      },
    },
    { prefill: {}, decode: {} },
  ],
  invalid: [
    {},
    ["prefill"],
    { prefill: "prefill.yaml" },
    { prefill: { ...model, "disaggregation-mode": "both" } },
    { prefill: { ...model, "page-size": 0 } },
    { prefill: { ...model, pagesize: 16 } },
    { prefill: { ...model, "page-size": [16, 32] } },
    { prefill: { ...model, "no-trust-remote-code": true } },
    { prefill: { ...model, config: "more.yaml" } },
    { decode: { ...model, "kv-events-config": ["zmq"] } },
  ],
};
