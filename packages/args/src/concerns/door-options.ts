import { z } from "zod";
import { option } from "../option/option-meta.ts";

const group = "Door";

/** Whom a frontend lets in, and how much at one time. */
export const doorOptions = z.object({
  apiKeysFile: option(
    "YAML or JSON file of API keys with their limits: {keys: [{name, hash: sha256:..., requests_per_minute, tokens_per_minute, concurrent_requests, priority, cache_salt, admin}]}. Read again when it changes. Not set: no key is needed.",
    z.string().min(1).optional(),
    { env: "DYN_API_KEYS_FILE", group, placeholder: "FILE" },
  ),
  apiKeys: option(
    "API keys without limits, of at least 16 characters each, separated by blanks; beside those of the file.",
    z.array(z.string().min(16, { error: "A key must have at least 16 characters" })).default([]),
    { env: "DYN_API_KEYS", flag: "api-keys", envOnly: true, secret: true, group },
  ),
  maxConcurrentRequests: option(
    "Requests that run at one time; more are refused as overload. Not set: no bound.",
    z.number().int().min(1).optional(),
    { env: "DYN_HTTP_MAX_CONCURRENT_REQUESTS", flag: "http-max-concurrent-requests", group },
  ),
  requestTimeoutSecs: option(
    "Seconds that one request may take from its headers to the end of its answer; then 504. Not set: no bound.",
    z.number().gt(0).optional(),
    { env: "DYN_HTTP_REQUEST_TIMEOUT_SECS", flag: "http-request-timeout-secs", group },
  ),
  corsOrigins: option(
    "Origins whose pages browsers let in; *: all. Not set: none.",
    z.array(z.string().min(1)).default([]),
    { env: "DYN_HTTP_CORS_ORIGINS", flag: "http-cors-origins", group, placeholder: "ORIGIN" },
  ),
});
