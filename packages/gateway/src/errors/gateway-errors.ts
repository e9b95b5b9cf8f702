// What the gateway itself refuses. Messages go to clients: they say what was wrong and what would be right.
import { DynError, InvalidArgumentError, NotFoundError } from "@dyn/protocol";
import { whyAbsent } from "./absent-routes.ts";

export function unknownModel(model: string, knownModels: readonly string[]): NotFoundError {
  const known =
    knownModels.length === 0
      ? "No model is served here at the moment."
      : `Served here: ${knownModels.slice(0, 10).join(", ")}${knownModels.length > 10 ? ", ..." : ""}.`;
  return new NotFoundError(`The model ${JSON.stringify(clip(model))} does not exist. ${known}`, {
    param: "model",
    code: "DYN_GATEWAY_MODEL_NOT_FOUND",
  });
}

/** A model that is there, asked for what it does not do. */
export function otherModelType(options: {
  readonly model: string;
  readonly type: string;
  /** What it does. */
  readonly types: readonly string[];
  /** Who does what was asked for. */
  readonly others: readonly string[];
}): NotFoundError {
  const { model, type, types, others } = options;
  const hint =
    others.length === 0
      ? `No model of ${type} is served here at the moment.`
      : `Models of ${type}: ${others.slice(0, 10).join(", ")}.`;
  return new NotFoundError(
    `The model ${JSON.stringify(clip(model))} is served for ${types.join(", ")}, not for ${type}. ${hint}`,
    { param: "model", code: "DYN_GATEWAY_MODEL_NOT_FOUND" },
  );
}

export function contextLengthExceeded(options: {
  readonly param: string;
  readonly contextLength: number;
  readonly promptTokens: number;
  /** `null` when the prompt alone is too long. */
  readonly maxTokens: { readonly field: string; readonly value: number } | null;
}): InvalidArgumentError {
  const { contextLength, promptTokens, maxTokens, param } = options;
  const message =
    maxTokens === null
      ? `This model's context length is ${contextLength} tokens, but the prompt has ${promptTokens} and at least one must be left for the answer. Shorten the ${param}.`
      : `This model's context length is ${contextLength} tokens, but the prompt has ${promptTokens} and ${maxTokens.field} asks for ${maxTokens.value} more. Shorten the ${param}, or set ${maxTokens.field} to at most ${contextLength - promptTokens}.`;
  return new InvalidArgumentError(message, {
    param: maxTokens?.field ?? param,
    code: "DYN_GATEWAY_CONTEXT_LENGTH_EXCEEDED",
  });
}

/** Of an embedding: nothing need be left for an answer. */
export function inputTooLong(
  param: string,
  sizes: { readonly contextLength: number; readonly tokens: number },
): InvalidArgumentError {
  return new InvalidArgumentError(
    `${param} has ${sizes.tokens} tokens, but this model's context length is ${sizes.contextLength}. Shorten it, or embed it in parts.`,
    { param, code: "DYN_GATEWAY_CONTEXT_LENGTH_EXCEEDED" },
  );
}

/** The workers tokenize by themselves, so this frontend has neither tokenizer nor template of the model. */
export function takesNoTokens(model: string): InvalidArgumentError {
  return new InvalidArgumentError(
    `The workers of ${JSON.stringify(clip(model))} take text and tokenize it by themselves, so this server can neither count nor make tokens of theirs. It passes on /v1/chat/completions, /v1/responses, /v1/messages, /v1/embeddings, /v1/rerank, /v1/classify and /v1/pooling. For anything else ask a model whose workers take tokens.`,
    { param: "model", code: "DYN_GATEWAY_MODEL_TAKES_TEXT" },
  );
}

/** A field that we know and cannot honour: never passed over in silence. */
export function notSupportedYet(param: string, remedy: string): InvalidArgumentError {
  return new InvalidArgumentError(`${param} is not supported by this server yet. ${remedy}`, {
    param,
    code: "DYN_GATEWAY_UNSUPPORTED_VALUE",
  });
}

export function badJson(reason: string): InvalidArgumentError {
  return new InvalidArgumentError(`The request body is not valid JSON: ${reason}`, {
    code: "DYN_GATEWAY_INVALID_JSON",
  });
}

/** `field`: the part that is wrong; `null`: all of it is. */
export function badForm(reason: string, field: string | null = null): InvalidArgumentError {
  return new InvalidArgumentError(
    field === null ? `The request body is not a valid form: ${reason}` : `${clip(field)} ${reason}`,
    {
      code: "DYN_GATEWAY_INVALID_FORM",
      ...(field === null ? {} : { param: clip(field) }),
    },
  );
}

export function bodyTooLarge(limitBytes: number): DynError {
  return new DynError(
    `The request body is larger than ${limitBytes} bytes, the most that this server takes.`,
    { code: "DYN_GATEWAY_BODY_TOO_LARGE", status: 413 },
  );
}

export function unsupportedMediaType(message: string): DynError {
  return new DynError(message, { code: "DYN_GATEWAY_UNSUPPORTED_MEDIA_TYPE", status: 415 });
}

export function unknownRoute(method: string, path: string): NotFoundError {
  const why = whyAbsent(path);
  const told = `Route not found: ${method} ${clip(path)}`;
  return new NotFoundError(why === "" ? told : `${told}. ${why}`, {
    code: "DYN_GATEWAY_ROUTE_NOT_FOUND",
  });
}

/** A route that this server has, though not now. */
export function routeMissing(method: string, path: string, why: string): NotFoundError {
  return new NotFoundError(`${method} ${clip(path)} is off: ${why}`, {
    code: "DYN_GATEWAY_ROUTE_OFF",
  });
}

export function methodNotAllowed(method: string, path: string, allow: string): DynError {
  return new DynError(`${clip(path)} does not take ${method}; it takes ${allow}.`, {
    code: "DYN_GATEWAY_METHOD_NOT_ALLOWED",
    status: 405,
  });
}

export function modelStarting(name: string): DynError {
  return new DynError(`The model ${clip(name)} cannot be served yet: it is being loaded.`, {
    code: "DYN_GATEWAY_STARTING",
    status: 503,
    retryable: true,
  });
}

/** `types`: of workers that must be there too. */
export function modelLacks(name: string, types: readonly string[]): DynError {
  return new DynError(
    `The model ${clip(name)} is not ready: it needs a ${[...new Set(types)].join(" and a ")} worker, and none is there.`,
    { code: "DYN_GATEWAY_MODEL_INCOMPLETE", status: 503, retryable: true },
  );
}

export function draining(): DynError {
  return new DynError("Service is not ready: the server is shutting down.", {
    code: "DYN_GATEWAY_DRAINING",
    status: 503,
    retryable: true,
  });
}

export function missingApiKey(): DynError {
  return new DynError(
    "This server needs an API key. Send it as `Authorization: Bearer KEY` or `x-api-key: KEY`.",
    { code: "DYN_GATEWAY_MISSING_API_KEY", status: 401 },
  );
}

export function badApiKey(): DynError {
  return new DynError("The API key is not known here. Check it for typing errors.", {
    code: "DYN_GATEWAY_INVALID_API_KEY",
    status: 401,
  });
}

/** `key`: the name of the key that was sent; `null`: none was. */
export function adminOnly(key: string | null): DynError {
  return new DynError(
    `This route is for administrators: call it from the server's own machine, or with a key that has admin set${key === null ? "" : `, which ${key} has not`}.`,
    { code: "DYN_GATEWAY_ADMIN_ONLY", status: 403 },
  );
}

export function rateLimited(message: string, waitMs: number): DynError {
  return Object.assign(
    new DynError(`${message} Come again in ${Math.max(1, Math.ceil(waitMs / 1000))} s.`, {
      code: "DYN_GATEWAY_RATE_LIMITED",
      status: 429,
      retryable: true,
    }),
    { retryAfterMs: waitMs },
  );
}

/** Most often the port is another program's. */
export function cannotListen(
  { host, port }: { readonly host: string; readonly port: number },
  cause: Error,
): DynError {
  return new DynError(
    `Cannot listen at ${host}:${port}: ${cause.message}. Choose another --http-host or --http-port.`,
    { code: "DYN_GATEWAY_CANNOT_LISTEN", status: 503, cause },
  );
}

/** The worker's stream ended before each choice had its finish reason. */
export function incompleteStream(): DynError {
  return new DynError("The worker's answer broke off before it was complete.", {
    code: "DYN_GATEWAY_STREAM_INCOMPLETE",
    status: 503,
    retryable: true,
  });
}

function clip(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}...` : text;
}
