// What clients send wrongly, and what they are told. One row, one request.
export interface BadInput {
  readonly name: string;
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A value is sent as JSON, a string or buffer as it is. */
  readonly body?: unknown;
  readonly status: number;
  /** The sentence says so. */
  readonly says: RegExp;
  /** `error.param`, where a field is at fault. */
  readonly param?: string;
}

const model = "tiny/chat";
const messages = [{ role: "user", content: "hello" }];
const good = { model, messages };
const textPath = "/v1/completions";

/** A chat request that is good but for these fields. */
const chat = (
  name: string,
  fields: object,
  says: RegExp,
  param?: string,
  status = 400,
): BadInput => ({
  name,
  body: { ...good, ...fields },
  status,
  says,
  ...(param === undefined ? {} : { param }),
});

/** The same for a text completion. */
const text = (name: string, fields: object, says: RegExp, param?: string): BadInput => ({
  ...chat(name, {}, says, param),
  path: textPath,
  body: { model, prompt: "hello", ...fields },
});

/** What compares it with a number throws, where the type has not been looked at. */
const oddLength = { length: { toString: "a" } };

const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;

export const badInputs: readonly BadInput[] = [
  // The body as a whole.
  { name: "empty body", body: "", status: 400, says: /not valid JSON: it is empty/ },
  { name: "truncated JSON", body: '{"model": "tiny', status: 400, says: /not valid JSON/ },
  { name: "trailing comma", body: '{"model": "a",}', status: 400, says: /not valid JSON/ },
  {
    name: "trailing text",
    body: `${JSON.stringify(good)} and more`,
    status: 400,
    says: /not valid JSON/,
  },
  { name: "single quotes", body: "{'model': 'a'}", status: 400, says: /not valid JSON/ },
  {
    name: "NaN",
    body: `{"model": "${model}", "temperature": NaN}`,
    status: 400,
    says: /not valid JSON/,
  },
  {
    name: "byte order mark",
    body: `\ufeff${JSON.stringify(good)}`,
    status: 400,
    says: /not valid JSON/,
  },
  { name: "a list", body: "[]", status: 400, says: /must be one object/ },
  { name: "a string", body: '"hello"', status: 400, says: /must be one object/ },
  { name: "null", body: "null", status: 400, says: /must be one object/ },
  {
    name: "a repeated key",
    body: '{"model": "a", "model": "b"}',
    status: 400,
    says: /"model" stands twice/,
  },
  {
    name: "invalid UTF-8 inside a string",
    body: Buffer.concat([Buffer.from('{"model": "'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]),
    status: 400,
    says: /not UTF-8/,
  },
  {
    name: "a control character in a string",
    body: '{"model": "a\nb"}',
    status: 400,
    says: /not valid JSON/,
  },
  { name: "half a surrogate pair", body: '{"model": "\\ud83d"}', status: 400, says: /surrogate/ },
  { name: "objects nested too deep", body: nested(65), status: 400, says: /deeper than 64/ },
  {
    name: "two hundred thousand brackets",
    body: "[".repeat(200_000),
    status: 400,
    says: /deeper than 64/,
  },
  {
    name: "a body over the limit",
    body: { ...good, user: "x".repeat(300_000) },
    status: 413,
    says: /larger than 262144 bytes/,
  },
  {
    name: "no content type",
    headers: { "content-type": "" },
    body: good,
    status: 415,
    says: /application\/json/,
  },
  {
    name: "a form",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: "model=a",
    status: 415,
    says: /application\/json/,
  },
  {
    name: "compressed content",
    headers: { "content-encoding": "gzip" },
    body: good,
    status: 415,
    says: /Content-Encoding/,
  },

  // Routes.
  {
    name: "an unknown route",
    path: "/v1/chat",
    body: good,
    status: 404,
    says: /Route not found: POST \/v1\/chat/,
  },
  {
    name: "a trailing slash",
    path: "/v1/chat/completions/",
    body: good,
    status: 404,
    says: /Route not found/,
  },
  { name: "the wrong method", method: "PUT", body: good, status: 405, says: /takes POST/ },
  {
    name: "a path that cannot be decoded",
    path: "/v1/models/%E0%A4",
    method: "GET",
    status: 404,
    says: /does not exist/,
  },

  // Fields of a chat.
  chat(
    "no model",
    { model: undefined },
    /model is required: it must be a non-empty string/,
    "model",
  ),
  chat("a number as model", { model: 5 }, /model must be a non-empty string, but is 5/, "model"),
  chat("an empty model", { model: "" }, /non-empty string/, "model"),
  chat(
    "an unknown model",
    { model: "gpt-9" },
    /"gpt-9" does not exist. Served here: tiny\/chat/,
    "model",
    404,
  ),
  chat("no messages", { messages: undefined }, /messages is required/, "messages"),
  chat("messages empty", { messages: [] }, /1 to 65536 messages, but is \[\]/, "messages"),
  chat(
    "messages as text",
    { messages: "hi" },
    /list of 1 to 65536 messages, but is "hi"/,
    "messages",
  ),
  chat(
    "a message that is text",
    { messages: ["hi"] },
    /messages\[0\] must be an object, but is "hi"/,
    "messages[0]",
  ),
  chat(
    "a message without role",
    { messages: [{ content: "a" }] },
    /messages\[0\]\.role is required/,
    "messages[0].role",
  ),
  chat(
    "an unknown role",
    { messages: [{ role: "User", content: "a" }] },
    /messages\[0\]\.role must be one of developer, system, user/,
    "messages[0].role",
  ),
  chat(
    "a number as role",
    { messages: [{ role: 1, content: "a" }] },
    /role must be one of/,
    "messages[0].role",
  ),
  chat(
    "user content null",
    { messages: [{ role: "user", content: null }] },
    /messages\[0\]\.content must be a string or a list of content parts, but is null/,
    "messages[0].content",
  ),
  chat(
    "an unknown content part",
    { messages: [{ role: "user", content: [{ type: "file" }] }] },
    /content\[0\]\.type must be one of text/,
    "messages[0].content[0].type",
  ),
  chat(
    "an image",
    {
      messages: [
        { role: "user", content: [{ type: "image_url", image_url: { url: "http://a/b.png" } }] },
      ],
    },
    /reads text alone/,
    "messages[0].content[0].type",
  ),
  chat(
    "an image without URL",
    { messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "no" } }] }] },
    /must be a URL/,
    "messages[0].content[0].image_url.url",
  ),
  chat(
    "a tool message without id",
    { messages: [{ role: "tool", content: "a" }] },
    /tool_call_id is required/,
    "messages[0].tool_call_id",
  ),
  chat(
    "tool arguments that are not JSON",
    {
      messages: [
        {
          role: "assistant",
          tool_calls: [{ id: "1", type: "function", function: { name: "f", arguments: "{" } }],
        },
      ],
    },
    /arguments is not valid JSON/,
    "messages[0].tool_calls[0].function.arguments",
  ),
  chat(
    "temperature too high",
    { temperature: 2.5 },
    /temperature must be a number between 0 and 2, but is 2.5/,
    "temperature",
  ),
  chat(
    "temperature negative",
    { temperature: -0.1 },
    /between 0 and 2, but is -0.1/,
    "temperature",
  ),
  chat(
    "temperature as text",
    { temperature: "hot" },
    /between 0 and 2, but is "hot"/,
    "temperature",
  ),
  {
    name: "temperature beyond all numbers",
    body: `{"model": "${model}", "messages": [{"role": "user", "content": "a"}], "temperature": 1e400}`,
    status: 400,
    says: /between 0 and 2/,
    param: "temperature",
  },
  chat("top_p zero", { top_p: 0 }, /greater than 0 and at most 1, but is 0/, "top_p"),
  chat("top_k below -1", { top_k: -2 }, /between -1 and 2147483647/, "top_k"),
  chat("min_p over 1", { min_p: 1.1 }, /between 0 and 1/, "min_p"),
  chat(
    "frequency_penalty too low",
    { frequency_penalty: -3 },
    /between -2 and 2/,
    "frequency_penalty",
  ),
  chat(
    "repetition_penalty zero",
    { repetition_penalty: 0 },
    /greater than 0/,
    "repetition_penalty",
  ),
  chat("n zero", { n: 0 }, /whole number between 1 and 128, but is 0/, "n"),
  chat("n too large", { n: 1000 }, /between 1 and 128/, "n"),
  chat("n a fraction", { n: 1.5 }, /whole number/, "n"),
  chat("max_tokens zero", { max_tokens: 0 }, /between 1 and 4294967295/, "max_tokens"),
  chat("max_tokens negative", { max_completion_tokens: -1 }, /but is -1/, "max_completion_tokens"),
  chat(
    "max_tokens beyond the context",
    { max_tokens: 100_000 },
    /context length is 4096 tokens, but the prompt has \d+ and max_tokens asks for 100000 more.*at most \d+/,
    "max_tokens",
  ),
  chat(
    "a prompt beyond the context",
    { messages: [{ role: "user", content: "word ".repeat(6000) }] },
    /context length is 4096 tokens, but the prompt has \d{4,}/,
    "messages",
  ),
  chat("seed a fraction", { seed: 0.5 }, /fits 64 bits, but is 0.5/, "seed"),
  chat("seed too large", { seed: 1e30 }, /fits 64 bits/, "seed"),
  chat("a length that is none in a model's place", { model: oddLength }, /model must be/, "model"),
  chat("a length that is none in a stop's place", { stop: oddLength }, /stop must be/, "stop"),
  text(
    "a length that is none in a prompt's place",
    { prompt: oddLength },
    /prompt must be/,
    "prompt",
  ),
  chat("stop empty", { stop: "" }, /stop must be/, "stop"),
  chat("stop list empty", { stop: [] }, /1 to 32/, "stop"),
  chat(
    "an empty stop string",
    { stop: ["a", ""] },
    /stop\[1\] must be a string of 1 to 1024 characters/,
    "stop[1]",
  ),
  chat(
    "33 stop strings",
    { stop: Array.from({ length: 33 }, (_, i) => `s${i}`) },
    /1 to 32 strings.*a list of 33 entries/,
    "stop",
  ),
  chat(
    "ten thousand stop strings",
    { stop: Array.from({ length: 10_000 }, () => "a") },
    /1 to 32 strings/,
    "stop",
  ),
  chat("a stop string of 100 kB", { stop: "x".repeat(100_000) }, /1 to 1024 characters/, "stop"),
  chat("an object as stop", { stop: { a: 1 } }, /stop must be/, "stop"),
  chat(
    "top_logprobs without logprobs",
    { top_logprobs: 2 },
    /needs logprobs: true/,
    "top_logprobs",
  ),
  chat(
    "top_logprobs too many",
    { logprobs: true, top_logprobs: 21 },
    /between 0 and 20/,
    "top_logprobs",
  ),
  chat("logprobs a number", { logprobs: 3 }, /true or false, but is 3/, "logprobs"),
  chat(
    "logit_bias out of range",
    { logit_bias: { 5: 101 } },
    /logit_bias\.5 must be a number between -100 and 100/,
    "logit_bias.5",
  ),
  chat("logit_bias by word", { logit_bias: { hello: 1 } }, /token ids/, "logit_bias.hello"),
  chat("stream a string", { stream: "yes" }, /stream must be true or false/, "stream"),
  chat(
    "stream_options without stream",
    { stream_options: {} },
    /needs stream: true/,
    "stream_options",
  ),
  chat("tools empty", { tools: [] }, /1 to 1536 tools/, "tools"),
  chat(
    "a tool with a bad name",
    { tools: [{ type: "function", function: { name: "a b" } }] },
    /letters, digits/,
    "tools[0].function.name",
  ),
  chat("tool_choice without tools", { tool_choice: "required" }, /tools is missing/, "tool_choice"),
  chat(
    "tool_choice of an unknown tool",
    {
      tools: [{ type: "function", function: { name: "a" } }],
      tool_choice: { type: "function", function: { name: "b" } },
    },
    /none of the tools/,
    "tool_choice",
  ),
  chat(
    "a schema with a keyword that cannot be kept",
    {
      response_format: {
        type: "json_schema",
        json_schema: { name: "a", schema: { type: "array", uniqueItems: true } },
      },
    },
    /uniqueItems/,
    "response_format",
  ),
  chat("a regex that is none", { guided_regex: "(" }, /regex|expression|pattern/i, "guided_regex"),
  chat("a grammar without a root", { guided_grammar: 'a ::= "b"' }, /root/),
  chat(
    "two constraints",
    { guided_regex: "a+", guided_choice: ["a"] },
    /guided_regex and guided_choice are/,
    "guided_regex",
  ),
  chat(
    "a constraint beside response_format",
    { guided_regex: "a+", response_format: { type: "json_object" } },
    /guided_regex and response_format are/,
    "guided_regex",
  ),
  chat(
    "an unknown nvext key",
    { nvext: { shoes: 1 } },
    /^nvext\.shoes is no field that nvext has\. Leave it out/,
    "nvext.shoes",
  ),
  chat(
    "an unknown key of the request's own routing",
    { nvext: { router: { overlap: 1 } } },
    /^nvext\.router\.overlap is no field/,
    "nvext.router.overlap",
  ),
  chat(
    "a weight of the request's own routing below 0",
    { nvext: { router: { prefill_load_scale: -1 } } },
    /must be a number of at least 0, but is -1/,
    "nvext.router.prefill_load_scale",
  ),
  chat(
    "a tool choice of another kind",
    { tool_choice: { type: "allowed_tools" } },
    /^tool_choice\.type must be "function", but is "allowed_tools"/,
    "tool_choice.type",
  ),
  chat(
    "a biased token beyond the vocabulary",
    { logit_bias: { 99999: 1 } },
    /^logit_bias is 99999; it must be token ids in 0 \.\. 4095/,
    "logit_bias",
  ),
  chat("no choices", { guided_choice: [] }, /^guided_choice: .*at least one/, "guided_choice"),
  {
    name: "a picture for the Responses API",
    path: "/v1/responses",
    body: {
      model,
      input: [
        { role: "user", content: [{ type: "input_image", image_url: "http://a.example/b.png" }] },
      ],
    },
    status: 400,
    says: /^input\[0\]\.content\[0\] is of type input_image, but this model reads text alone/,
    param: "input[0].content[0].type",
  },
  {
    name: "reasoning that is no object",
    path: "/v1/responses",
    body: { model, input: "a", reasoning: 5 },
    status: 400,
    says: /^reasoning must be an object, but is 5/,
    param: "reasoning",
  },
  {
    name: "a chat model asked for embeddings",
    path: "/v1/embeddings",
    body: { model, input: "a" },
    status: 404,
    says: /is served for chat, completions, not for embedding\. No model of embedding is served here/,
    param: "model",
  },
  chat(
    "an instance id that is no number",
    { nvext: { backend_instance_id: "abc" } },
    /between 0 and 2\^64/,
    "nvext.backend_instance_id",
  ),
  chat(
    "an instance that is not there",
    { nvext: { backend_instance_id: "18446744073709551615" } },
    /nvext\.backend_instance_id is/,
    "nvext.backend_instance_id",
  ),
  chat("a rank without a worker", { nvext: { dp_rank: 1 } }, /no worker is named/, "nvext.dp_rank"),
  chat(
    "annotations without a stream",
    { nvext: { annotations: ["token_ids"] } },
    /needs stream: true/,
    "nvext.annotations",
  ),
  chat("audio", { modalities: ["audio"] }, /audio output is not supported/),
  chat(
    "unknown fields",
    { zebra: 1, apple: 2 },
    /^Unsupported parameter\(s\): apple, zebra$/,
    "apple",
  ),
  chat(
    "reasoning_effort unknown",
    { reasoning_effort: "extreme" },
    /must be one of none, minimal/,
    "reasoning_effort",
  ),
  chat("user empty", { user: "" }, /user must be a non-empty string/, "user"),

  chat(
    "fifty thousand wrong messages",
    { messages: Array.from({ length: 50_000 }, () => 5) },
    /^messages\[0\] must be an object, but is 5\.$/,
    "messages[0]",
  ),
  chat(
    "fifty thousand wrong content parts",
    { messages: [{ role: "user", content: Array.from({ length: 50_000 }, () => 5) }] },
    /at most 16384 content parts/,
    "messages[0].content",
  ),
  chat(
    "ten thousand biases",
    { logit_bias: Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [i, "x"])) },
    /at most 4096 token ids/,
    "logit_bias",
  ),
  {
    name: "ten thousand unknown fields",
    body: Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`f${i}`, 1])),
    status: 400,
    says: /more than 1000 keys/,
  },
  chat(
    "two hundred unknown fields",
    Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`f${i}`, 1])),
    /and 150 more$/,
  ),

  // Fields of a text completion.
  text("no prompt", { prompt: undefined }, /prompt is required/, "prompt"),
  text("prompt empty", { prompt: "" }, /prompt must be a non-empty string/, "prompt"),
  text("prompts empty", { prompt: [] }, /prompt must be/, "prompt"),
  text(
    "prompts mixed",
    { prompt: ["a", 5] },
    /prompt\[1\] must be a non-empty string, but is 5/,
    "prompt[1]",
  ),
  text(
    "an id beyond the vocabulary",
    { prompt: [1, 1_000_000] },
    /prompt\[1\] is 1000000, but the model's token ids end at \d+/,
    "prompt",
  ),
  text("a negative id", { prompt: [-1] }, /prompt/),
  text(
    "too many choices",
    { prompt: Array.from({ length: 65 }, () => "a"), n: 2 },
    /at most 128/,
    "prompt",
  ),
  text("logprobs over 5", { logprobs: 6 }, /between 0 and 5/, "logprobs"),
  text("suffix", { suffix: "end" }, /suffix is not supported/, "suffix"),
  text("best_of unlike n", { best_of: 3 }, /best_of 3 with n 1 is not supported/),
  text(
    "a prompt beyond the context",
    { prompt: "word ".repeat(6000) },
    /Shorten the prompt/,
    "prompt",
  ),
];
