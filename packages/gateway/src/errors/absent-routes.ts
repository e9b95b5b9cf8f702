// Routes of OpenAI's and Anthropic's APIs that their clients may ask for and this server has not: why not.

const keepsNothing = "This server keeps nothing between requests.";
const reasons: readonly (readonly [path: RegExp, reason: string])[] = [
  [
    /^\/v1\/(?:files|uploads|vector_stores|containers|skills)(?:\/|$)/,
    `${keepsNothing} Send files with the request that needs them.`,
  ],
  [
    /^\/v1\/(?:messages\/)?batches(?:\/|$)/,
    `${keepsNothing} Send a batch's requests side by side: they are scheduled together.`,
  ],
  [
    /^\/v1\/(?:conversations|responses|chat\/completions)\//,
    `${keepsNothing} Send the whole conversation with each request.`,
  ],
  [/^\/v1\/videos\//, `${keepsNothing} POST /v1/videos answers with the video itself.`],
  [/^\/v1\/images\/variations$/, "Send the picture and a prompt to /v1/images/edits."],
  [/^\/generate$/, "It is on with DYN_SGLANG_ENABLE_GENERATE=1 at the frontend."],
  [
    /^\/inference\/v1\/generate$/,
    "It is on with DYN_VLLM_ENABLE_INFERENCE_V1_GENERATE=1 at the frontend.",
  ],
  [/^\/v1\/(?:audio|realtime|moderations)(?:\/|$)/, "This server has no models of that type."],
  [
    /^\/v1\/(?:fine_tuning|evals|assistants|threads)(?:\/|$)/,
    "This server answers requests and does nothing else with models.",
  ],
];

/** A sentence for the client; empty where nobody would expect such a route. */
export function whyAbsent(path: string): string {
  return reasons.find(([pattern]) => pattern.test(path))?.[1] ?? "";
}
