// Who may come in, and how much they may take. Keys are known by their hash alone.
import { createHash } from "node:crypto";
import { InvalidArgumentError } from "@dyn/protocol";
import { z } from "zod";

const limit = (what: string) =>
  z
    .number({ error: `must be ${what}` })
    .int()
    .min(1, { error: `must be ${what}` })
    .nullish();

const entry = {
  /** For logs and metrics. */
  name: z.string({ error: "must be a name" }).regex(/^[\w.-]{1,64}$/, {
    error: "must be 1 to 64 letters, digits, dots, dashes or underscores",
  }),
  hash: z
    .string({ error: "must be sha256: and the 64 hex digits of the key's SHA-256" })
    .regex(/^sha256:[0-9a-f]{64}$/, {
      error: "must be sha256: and the 64 hex digits of the key's SHA-256",
    }),
  /** May use the administration routes from anywhere. */
  admin: z.boolean({ error: "must be true or false" }).nullish(),
  requests_per_minute: limit("a whole number from 1 on"),
  /** Prompt and answer together. */
  tokens_per_minute: limit("a whole number from 1 on"),
  concurrent_requests: limit("a whole number from 1 on"),
  /** Of requests that name none. */
  priority: z.number({ error: "must be a whole number" }).int().nullish(),
  /** Keeps what is cached for this key apart from all others. */
  cache_salt: z.string({ error: "must be a string" }).min(1).nullish(),
};

/** One key, as a file of keys has it. */
export const ApiKeyEntry = z.strictObject(entry);
export type ApiKeyEntry = z.infer<typeof ApiKeyEntry>;

const ApiKeyFile = z.strictObject({ keys: z.array(ApiKeyEntry).min(1) });

/** What a key file holds. Throws an InvalidArgumentError that names the entry and the field. */
export function readApiKeys(content: unknown, source: string): ApiKeyEntry[] {
  const parsed = ApiKeyFile.safeParse(content);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw new InvalidArgumentError(
      `${source} is not a file of API keys: ${path.join(".") || "it"} ${message}. It must be {keys: [{name, hash: "sha256:...", ...}]}.`,
      { code: "DYN_GATEWAY_BAD_KEY_FILE" },
    );
  }
  const { keys } = parsed.data;
  for (const field of ["name", "hash"] as const) {
    const twice = keys.find((key, i) => keys.findIndex((it) => it[field] === key[field]) !== i);
    if (twice === undefined) continue;
    throw new InvalidArgumentError(
      `${source} has the ${field} of the key ${twice.name} twice. Each key must have its own.`,
      { code: "DYN_GATEWAY_BAD_KEY_FILE" },
    );
  }
  return keys;
}

/** SHA-256 is enough for keys that were drawn at random: there is nothing to guess. */
export function hashApiKey(key: string): string {
  return `sha256:${createHash("sha256").update(key).digest("hex")}`;
}
