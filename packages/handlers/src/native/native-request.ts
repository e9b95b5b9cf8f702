// SGLang's own body, as frontends pass it on in `extra_args.sglang_tito`, in the words of a preprocessed request.
import {
  InvalidArgumentError,
  type PreprocessedRequest,
  readResumeField,
  withResumeField,
} from "@dyn/protocol";
import { z } from "zod";

/** SGLang's, where max_new_tokens is absent. */
const defaultMaxNewTokens = 128;

const optionalNumber = z.number().nullish();
const texts = z.union([z.string().min(1), z.array(z.string().min(1)).max(32)]);

const SamplingParams = z.strictObject({
  max_new_tokens: z.number().int().nonnegative().nullish(),
  min_new_tokens: z.number().int().nonnegative().nullish(),
  temperature: optionalNumber,
  top_p: optionalNumber,
  top_k: optionalNumber,
  min_p: optionalNumber,
  frequency_penalty: optionalNumber,
  presence_penalty: optionalNumber,
  repetition_penalty: optionalNumber,
  stop: texts.nullish(),
  stop_token_ids: z.array(z.number().int().nonnegative()).max(1024).nullish(),
  ignore_eos: z.boolean().nullish(),
  skip_special_tokens: z.boolean().nullish(),
  /** Of slow tokenizers only: ours put none. */
  spaces_between_special_tokens: z.boolean().nullish(),
  no_stop_trim: z.boolean().nullish(),
  n: z.number().int().min(1).max(128).nullish(),
  json_schema: z.string().nullish(),
  regex: z.string().nullish(),
  ebnf: z.string().nullish(),
  structural_tag: z.unknown().optional(),
  logit_bias: z.record(z.string(), z.number()).nullish(),
  sampling_seed: z.number().int().nullish(),
  stream_interval: z.number().int().min(1).nullish(),
});

const NativeBody = z.looseObject({
  rid: z.string().nullish(),
  sampling_params: SamplingParams.nullish(),
  return_logprob: z.boolean().nullish(),
  logprob_start_len: z.number().int().min(-1).nullish(),
  top_logprobs_num: z.number().int().nonnegative().nullish(),
  return_text_in_logprobs: z.boolean().nullish(),
  return_prompt_token_ids: z.boolean().nullish(),
  require_reasoning: z.boolean().nullish(),
});
export type NativeBody = z.infer<typeof NativeBody>;

/** What SGLang takes here and this engine cannot do: refused by name, not passed over. */
const refusedFields = [
  "text",
  "input_embeds",
  "image_data",
  "video_data",
  "audio_data",
  "token_ids_logprob",
  "return_hidden_states",
  "return_routed_experts",
  "return_indexer_topk",
  "session_id",
  "session_params",
  "lora_path",
  "custom_logit_processor",
];

export interface NativeRequest {
  /** What the engine is asked. */
  readonly request: PreprocessedRequest;
  readonly body: NativeBody;
  readonly stop: readonly string[];
}

/** `null` for a request in Dynamo's own form. Throws an InvalidArgumentError that names the field. */
export function readNativeRequest(
  request: PreprocessedRequest,
  { contextLength }: { readonly contextLength: number },
): NativeRequest | null {
  const { sglang_tito: native } = (request.extra_args ?? {}) as Record<string, unknown>;
  if (native === undefined) return null;
  const parsed = NativeBody.safeParse(native);
  if (!parsed.success) throw badBody(parsed.error);
  const body = parsed.data;
  const refused = refusedFields.find((field) => body[field] != null && body[field] !== false);
  if (refused !== undefined) {
    throw new InvalidArgumentError(
      `${refused} is not supported by this worker's engine. Leave it out.`,
      { param: refused },
    );
  }
  const sampling = body.sampling_params ?? {};
  const resume = readResumeField(request);
  const promptTokens = resume?.prompt_tokens ?? request.token_ids.length;
  const limits = {
    max_tokens:
      sampling.max_new_tokens === undefined
        ? Math.min(defaultMaxNewTokens, Math.max(0, contextLength - promptTokens))
        : sampling.max_new_tokens,
    min_tokens: sampling.min_new_tokens ?? null,
  };
  const logprobs = body.return_logprob === true ? (body.top_logprobs_num ?? 0) : null;
  const { stop } = sampling;
  const translated: PreprocessedRequest = {
    ...request,
    stop_conditions: {
      ...request.stop_conditions,
      ...limits,
      stop_token_ids: sampling.stop_token_ids ?? null,
      ignore_eos: sampling.ignore_eos ?? null,
    },
    sampling_options: {
      n: sampling.n ?? 1,
      temperature: sampling.temperature ?? null,
      top_p: sampling.top_p ?? null,
      top_k: sampling.top_k ?? null,
      min_p: sampling.min_p ?? null,
      frequency_penalty: sampling.frequency_penalty ?? null,
      presence_penalty: sampling.presence_penalty ?? null,
      repetition_penalty: sampling.repetition_penalty ?? null,
      seed: sampling.sampling_seed ?? request.sampling_options.seed ?? null,
      logit_bias: sampling.logit_bias ?? null,
      guided_decoding: {
        json: sampling.json_schema ?? undefined,
        regex: sampling.regex,
        grammar: sampling.ebnf,
        structural_tag: sampling.structural_tag,
      },
    },
    output_options: {
      ...request.output_options,
      logprobs,
      prompt_logprobs: (body.logprob_start_len ?? -1) >= 0 ? logprobs : null,
    },
    require_reasoning: body.require_reasoning ?? null,
  };
  return {
    body,
    stop: stop == null ? [] : typeof stop === "string" ? [stop] : stop,
    // A moved request has its limits beside what was generated before.
    request: resume === null ? translated : withResumeField(translated, { ...resume, ...limits }),
  };
}

function badBody(error: z.ZodError): InvalidArgumentError {
  const issue = error.issues[0]!;
  const keys = issue.code === "unrecognized_keys" ? issue.keys : [];
  const param = [...issue.path, ...keys.slice(0, 1)].join(".");
  return new InvalidArgumentError(
    keys.length > 0
      ? `${param} is not known to this worker. Leave it out.`
      : `${param}: ${issue.message}. See SGLang's /generate for what it takes.`,
    { param, cause: error },
  );
}
