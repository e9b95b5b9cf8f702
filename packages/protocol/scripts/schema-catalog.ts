// The schemas that are written down for other languages, each with what it takes and what it refuses.
import type { z } from "zod";
import {
  BootstrapInfo,
  ClassifyRequest,
  DisaggregatedHealthPayload,
  DisaggregatedParams,
  EmbeddingHealthPayload,
  EmbeddingItem,
  EmbeddingList,
  EmbeddingRequest,
  EngineOutputItem,
  ImageEditRequest,
  ImageHealthPayload,
  ImageList,
  ImageRequest,
  PoolingRequest,
  PreprocessedEmbeddingRequest,
  PreprocessedRequest,
  RerankHealthPayload,
  RerankList,
  RerankRequest,
  ScoreList,
  TextHealthPayload,
  TokenHealthPayload,
  Video,
  VideoHealthPayload,
  VideoRequest,
} from "../src/index.ts";

export interface SchemaEntry {
  /** Of its file, without the ending. */
  readonly name: string;
  readonly title: string;
  readonly schema: z.ZodType;
  readonly valid: readonly unknown[];
  readonly invalid: readonly unknown[];
}

const prompt = [1, 347, 261, 201, 282, 78, 289, 2, 201, 1, 613, 377, 1116, 201];
const bootstrap = {
  bootstrap_host: "127.0.0.1",
  bootstrap_port: 18191,
  bootstrap_room: 3848577001,
};
const request = {
  model: "tiny",
  token_ids: prompt,
  stop_conditions: { max_tokens: 5, stop: null, stop_token_ids_hidden: [2], ignore_eos: null },
  sampling_options: { n: null, temperature: 0.7, top_p: null, seed: 1, guided_decoding: null },
  output_options: { logprobs: null, prompt_logprobs: null, skip_special_tokens: null },
  eos_token_ids: [2],
  mdc_sum: "8fab42ddae05b8f927976039d068c9dd69d7817c16ce3a54526693762dce0737",
  annotations: [],
};
const item = {
  token_ids: [1851],
  text: null,
  log_probs: null,
  top_logprobs: null,
  finish_reason: null,
  index: null,
  completion_usage: {
    prompt_tokens: 14,
    completion_tokens: 1,
    total_tokens: 15,
    prompt_tokens_details: { cached_tokens: 0 },
  },
};
const probe = {
  stop_conditions: { max_tokens: 1, ignore_eos: false },
  sampling_options: { temperature: 0, top_p: 1, top_k: -1 },
  eos_token_ids: [],
  annotations: [],
  token_ids: [1],
};
const meetsNobody = { bootstrap_host: "2.2.2.2", bootstrap_port: 0, bootstrap_room: 0 };
const { token_ids: _, ...probeWithoutIds } = probe;
const imageProbe = {
  prompt: "test",
  model: "painter",
  n: 1,
  size: "512x512",
  num_inference_steps: 1,
  guidance_scale: 7.5,
  response_format: "b64_json",
};
const videoProbe = {
  prompt: "test",
  model: "painter",
  seconds: 1,
  size: "256x256",
  response_format: "b64_json",
  nvext: { fps: 8, num_frames: 8, num_inference_steps: 1, guidance_scale: 5 },
};
const image = { model: "painter", prompt: "A lighthouse at dusk" };

export const schemaCatalog: readonly SchemaEntry[] = [
  {
    name: "preprocessed-request",
    title: "What a frontend sends to a worker that takes token ids",
    schema: PreprocessedRequest,
    valid: [
      request,
      { ...request, bootstrap_info: bootstrap, routing: { prefill_worker_id: 2324035512980 } },
      { ...request, prefill_result: { disaggregated_params: bootstrap } },
    ],
    invalid: [
      { ...request, token_ids: [1, -2] },
      { ...request, stop_conditions: { max_tokens: -1 } },
      { ...request, bootstrap_info: { ...bootstrap, bootstrap_port: 70_000 } },
      { model: "tiny" },
    ],
  },
  {
    name: "engine-output",
    title: "One item of a worker's answer in token ids",
    schema: EngineOutputItem,
    valid: [
      item,
      { ...item, token_ids: [], finish_reason: "length" },
      {
        token_ids: [7],
        index: 1,
        log_probs: [-0.25],
        top_logprobs: [[{ rank: 1, token_id: 7, logprob: -0.25 }]],
      },
      { token_ids: [], disaggregated_params: bootstrap },
    ],
    invalid: [{ text: "a" }, { ...item, token_ids: ["a"] }, { ...item, log_probs: "none" }],
  },
  {
    name: "bootstrap-info",
    title: "Where a decode worker meets the prefill worker of its request",
    schema: BootstrapInfo,
    valid: [bootstrap, { ...bootstrap, handoff_id: "a9bacea7-8fc4-4bd4-9172-8d7538b5b56e" }],
    invalid: [
      { ...bootstrap, bootstrap_room: -1 },
      { ...bootstrap, bootstrap_host: "" },
      { bootstrap_host: "127.0.0.1", bootstrap_port: 18191 },
    ],
  },
  {
    name: "disaggregated-params",
    title: "What a prefill worker's first item says: where its KV can be taken over",
    schema: DisaggregatedParams,
    valid: [bootstrap],
    invalid: [{ ...bootstrap, bootstrap_room: "7" }, {}],
  },
  {
    name: "health-token",
    title: "The probe of an aggregated worker",
    schema: TokenHealthPayload,
    valid: [probe],
    invalid: [{ ...probe, token_ids: "1" }, { token_ids: [1] }],
  },
  {
    name: "health-disaggregated",
    title: "The probe of a prefill or decode worker",
    schema: DisaggregatedHealthPayload,
    valid: [{ bootstrap_info: meetsNobody, ...probe, _HEALTH_CHECK: true }],
    invalid: [probe, { bootstrap_info: meetsNobody, ...probe, _HEALTH_CHECK: false }],
  },
  {
    name: "health-text",
    title: "The probe of a worker that takes text",
    schema: TextHealthPayload,
    valid: [{ ...probeWithoutIds, prompt: "Test" }],
    invalid: [probe, { ...probeWithoutIds, prompt: "" }],
  },
  {
    name: "health-embedding",
    title: "The probe of an embedding worker",
    schema: EmbeddingHealthPayload,
    valid: [
      { model: "tiny", input: [1] },
      { model: "tiny", input: "Test" },
    ],
    invalid: [
      { model: "tiny", input: [] },
      { model: "tiny", input: "" },
    ],
  },
  {
    name: "health-image",
    title: "The probe of an image worker",
    schema: ImageHealthPayload,
    valid: [imageProbe],
    invalid: [image, { ...imageProbe, size: "large" }, { ...imageProbe, num_inference_steps: 0 }],
  },
  {
    name: "health-video",
    title: "The probe of a video worker",
    schema: VideoHealthPayload,
    valid: [videoProbe],
    invalid: [
      { ...videoProbe, nvext: undefined },
      { ...videoProbe, seconds: 0 },
      { ...videoProbe, nvext: { ...videoProbe.nvext, num_frames: "8" } },
    ],
  },
  {
    name: "health-rerank",
    title: "The probe of a rerank worker",
    schema: RerankHealthPayload,
    valid: [{ model: "tiny", query: "health check", documents: ["health check"] }],
    invalid: [{ model: "tiny", query: "health check" }],
  },
  {
    name: "embedding-request",
    title: "POST /v1/embeddings",
    schema: EmbeddingRequest,
    valid: [
      { model: "embedder", input: "hello" },
      { model: "embedder", input: [[1, 2, 3]], encoding_format: "base64", dimensions: 64 },
    ],
    invalid: [{ model: "embedder" }, { model: "embedder", input: "a", encoding_format: "hex" }],
  },
  {
    name: "preprocessed-embedding-request",
    title: "What a frontend sends to an embedding worker that takes token ids",
    schema: PreprocessedEmbeddingRequest,
    valid: [
      { token_ids: [[282, 78, 289]], model: "embedder", encoding_format: "float", annotations: [] },
    ],
    invalid: [
      { token_ids: [], model: "embedder" },
      { token_ids: [[-1]], model: "embedder" },
    ],
  },
  {
    name: "embedding-item",
    title: "The answer of an embedding worker that takes token ids",
    schema: EmbeddingItem,
    valid: [{ embeddings: ["zczMPc3MTD4="], prompt_tokens: 3, total_tokens: 3 }],
    invalid: [{ embeddings: [[0.1]], prompt_tokens: 3, total_tokens: 3 }],
  },
  {
    name: "embedding-list",
    title: "The answer of POST /v1/embeddings",
    schema: EmbeddingList,
    valid: [
      {
        object: "list",
        data: [{ object: "embedding", embedding: [0.1, 0.2], index: 0 }],
        model: "embedder",
        usage: { prompt_tokens: 3, total_tokens: 3 },
      },
    ],
    invalid: [{ object: "list" }],
  },
  {
    name: "rerank-request",
    title: "POST /v1/rerank",
    schema: RerankRequest,
    valid: [{ model: "reranker", query: "sea", documents: ["waves", "hills"], top_n: 1 }],
    invalid: [
      { model: "reranker", query: "sea", documents: [] },
      { model: "reranker", query: "sea", documents: ["waves"], top_n: 0 },
    ],
  },
  {
    name: "rerank-list",
    title: "The answer of POST /v1/rerank",
    schema: RerankList,
    valid: [[{ score: 0.98, index: 0, document: "waves" }]],
    invalid: [[{ score: "high", index: 0 }]],
  },
  {
    name: "classify-request",
    title: "POST /v1/classify",
    schema: ClassifyRequest,
    valid: [{ model: "judge", input: ["fine", "foul"], priority: 0 }],
    invalid: [
      { model: "judge", input: [] },
      { model: "judge", input: "fine", priority: 0.5 },
    ],
  },
  {
    name: "pooling-request",
    title: "POST /v1/pooling",
    schema: PoolingRequest,
    valid: [{ model: "pooler", input: "waves", encoding_format: "float" }],
    invalid: [{ model: "pooler" }, { model: "pooler", input: "waves", dimensions: 8 }],
  },
  {
    name: "score-list",
    title: "The answer of POST /v1/classify and /v1/pooling",
    schema: ScoreList,
    valid: [{ object: "list", data: [{ index: 0, label: "fine", probs: [0.9, 0.1] }] }],
    invalid: [{ object: "list" }, { object: "list", data: [{ label: "fine" }] }],
  },
  {
    name: "image-request",
    title: "POST /v1/images/generations",
    schema: ImageRequest,
    valid: [image, { ...image, n: 2, size: "512x512", response_format: "b64_json" }],
    invalid: [{ model: "painter" }, { ...image, n: 11 }, { ...image, response_format: "png" }],
  },
  {
    name: "image-edit-request",
    title: "POST /v1/images/edits",
    schema: ImageEditRequest,
    valid: [{ ...image, input_reference: "https://example.com/lighthouse.png" }],
    invalid: [image],
  },
  {
    name: "image-list",
    title: "The answer of an image worker",
    schema: ImageList,
    valid: [{ created: 1795235887, data: [{ b64_json: "aGVsbG8=" }] }],
    invalid: [{ data: [] }],
  },
  {
    name: "video-request",
    title: "POST /v1/videos",
    schema: VideoRequest,
    valid: [{ model: "painter", prompt: "Waves" }],
    invalid: [{ model: "painter" }],
  },
  {
    name: "video",
    title: "The answer of a video worker",
    schema: Video,
    valid: [
      {
        id: "video_1",
        object: "video",
        model: "painter",
        status: "completed",
        progress: 100,
        created: 1795235887,
        data: [{ output_format: "mp4", url: "https://example.com/waves.mp4" }],
      },
    ],
    invalid: [{}],
  },
];
