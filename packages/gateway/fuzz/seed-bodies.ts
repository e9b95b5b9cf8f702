// Sound bodies by route: what mutation starts from.

const model = "tiny/chat";
const messages = [
  { role: "system", content: "Be brief." },
  { role: "user", content: [{ type: "text", text: "What is 12 + 30?" }] },
  {
    role: "assistant",
    content: null,
    reasoning_content: "A sum.",
    tool_calls: [
      { id: "call_1", type: "function", function: { name: "add", arguments: '{"a":12,"b":30}' } },
    ],
  },
  { role: "tool", tool_call_id: "call_1", content: "42" },
  { role: "user", content: "Say it: 🙂 \u0000 e\u0301" },
];
const tools = [
  {
    type: "function",
    function: {
      name: "add",
      description: "Adds.",
      parameters: { type: "object", properties: { a: { type: "integer" } }, required: ["a"] },
    },
  },
];
const sampling = {
  temperature: 0.7,
  top_p: 0.9,
  top_k: 20,
  min_p: 0.05,
  frequency_penalty: 0.1,
  presence_penalty: 0.1,
  repetition_penalty: 1.1,
  logit_bias: { "5": -100, "300": 2 },
  seed: 7,
  n: 2,
  stop: ["\n\n", "END"],
  stop_token_ids: [2],
  min_tokens: 2,
  ignore_eos: true,
  include_stop_str_in_output: true,
  skip_special_tokens: false,
  return_tokens_as_token_ids: true,
  cache_salt: "s",
  user: "u",
  nvext: {
    annotations: ["token_ids"],
    extra_fields: ["timing", "worker_id", "completion_token_ids"],
    agent_hints: { priority: 1, osl: 4 },
  },
};
const rules = {
  allowed_token_ids: [300, 301, 302],
  bad_words_token_ids: [5, [300, 301]],
};
const chat = { model, messages, max_tokens: 6 };
const text = { model, prompt: "Once upon", max_tokens: 6 };
const responses = {
  model,
  input: [
    { role: "user", content: [{ type: "input_text", text: "hello" }] },
    { type: "function_call", call_id: "c1", name: "add", arguments: "{}" },
    { type: "function_call_output", call_id: "c1", output: "42" },
  ],
  instructions: "Be brief.",
  max_output_tokens: 6,
  tools: [{ type: "function", name: "add", parameters: { type: "object" }, strict: false }],
  tool_choice: "auto",
  include: ["message.output_text.logprobs"],
  metadata: { a: "b" },
};
const anthropic = {
  model,
  max_tokens: 6,
  system: [{ type: "text", text: "Be brief." }],
  messages: [
    { role: "user", content: "hello" },
    {
      role: "assistant",
      content: [
        { type: "thinking", thinking: "hm" },
        { type: "tool_use", id: "t1", name: "add", input: { a: 1 } },
      ],
    },
    { role: "user", content: [{ type: "tool_result", tool_use_id: "t1", content: "42" }] },
  ],
  tools: [{ name: "add", description: "Adds.", input_schema: { type: "object" } }],
  tool_choice: { type: "auto" },
  stop_sequences: ["END"],
};
const tokenize = [
  { model, prompt: "Hello" },
  { model, prompt: ["a", "b"], return_token_strs: true },
  { model, messages, tools },
];
const detokenize = [
  { model, tokens: [72, 73, 300] },
  { model, tokens: [[72], [73]] },
];

const picture = "data:image/png;base64,iVBORw0KGgo=";
const videos = [
  { model: "director", prompt: "waves", seconds: 4, size: "832x480", nvext: { fps: 24 } },
  { model: "director", prompt: "waves", input_reference: { image_url: picture } },
];

export const seedBodies: Readonly<Record<string, readonly object[]>> = {
  "/v1/chat/completions": [
    chat,
    { ...chat, ...sampling },
    {
      ...chat,
      stream: true,
      stream_options: { include_usage: true },
      logprobs: true,
      top_logprobs: 3,
    },
    { ...chat, tools, tool_choice: "auto", parallel_tool_calls: false, reasoning_effort: "low" },
    {
      ...chat,
      messages: [...messages, { role: "assistant", content: "It is" }],
      continue_final_message: true,
      chat_template_kwargs: { enable_thinking: false },
    },
    {
      ...chat,
      response_format: {
        type: "json_schema",
        json_schema: { name: "a", schema: { type: "object" } },
      },
    },
    { ...chat, ...rules, thinking_token_budget: 2, prompt_logprobs: 2 },
    { ...chat, detokenize: false, stream: true, n: 2, nvext: { max_thinking_tokens: 0 } },
    { ...chat, stream: true, nvext: { token_data: [1, 2, 3] }, thinking: { type: "enabled" } },
  ],
  "/v1/completions": [
    text,
    { ...text, ...sampling, logprobs: 3, echo: true },
    {
      ...text,
      prompt: [
        [1, 2, 3],
        [4, 5],
      ],
      stream: true,
      stream_options: { include_usage: true },
    },
    { ...text, prompt: [300, 301, 302], n: 2, best_of: 2 },
    { ...text, ...rules, detokenize: false },
    { ...text, prompt: ["a", "b"], guided_choice: ["yes", "no"] },
  ],
  "/v1/responses": [
    responses,
    { ...responses, stream: true },
    {
      model,
      input: "hi",
      max_output_tokens: 6,
      reasoning: { effort: "low" },
      text: { format: { type: "text" } },
    },
  ],
  "/v1/responses/input_tokens": [responses, { model, input: "hi" }],
  "/v1/messages": [
    anthropic,
    { ...anthropic, stream: true, thinking: { type: "enabled", budget_tokens: 1024 } },
  ],
  "/v1/messages/count_tokens": [anthropic],
  "/v1/embeddings": [
    { model: "embedder", input: "hello" },
    { model: "embedder", input: ["a", "b"], dimensions: 1 },
    { model: "embedder", input: [[1, 2]], encoding_format: "base64" },
  ],
  "/v1/rerank": [
    { model: "ranker", query: "hello", documents: ["a", "b"], top_n: 1, return_documents: false },
  ],
  "/v1/classify": [{ model: "judge", input: ["a", "b"], priority: 1 }],
  "/v1/pooling": [{ model: "pooler", input: "a", encoding_format: "float" }],
  "/v1/images/generations": [
    { model: "painter", prompt: "a lighthouse", n: 2, size: "512x512", nvext: { seed: 3 } },
  ],
  "/v1/images/edits": [{ model: "painter", prompt: "a", image: picture, user: "u" }],
  "/v1/videos": videos,
  "/v1/videos/stream": videos,
  "/generate": [
    {
      model,
      input_ids: [300, 301, 302],
      sampling_params: { max_new_tokens: 4, temperature: 0, n: 2, stop: ["END"] },
      stream: true,
      return_logprob: true,
      top_logprobs_num: 2,
    },
    { input_ids: [1, 2, 3], sampling_params: { max_new_tokens: 2 }, stream: true, rid: "r" },
  ],
  "/inference/v1/generate": [
    { model, token_ids: [300, 301], sampling_params: { max_tokens: 3, logprobs: 2, n: 2 } },
    { token_ids: [1, 2], sampling_params: { stop: ["END"], prompt_logprobs: 1 }, priority: 1 },
  ],
  "/tokenize": tokenize,
  "/v1/tokenize": tokenize,
  "/detokenize": detokenize,
  "/v1/detokenize": detokenize,
};

/** For a route that is not listed. */
export const anyBody: readonly object[] = [{ model, input: "hello", prompt: "hello", messages }];
