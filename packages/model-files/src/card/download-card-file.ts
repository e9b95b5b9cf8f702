// One file of a card from the worker that serves it, or from the hub.
import { type CardFile, contentChecksum, type ModelCard } from "@dyn/protocol";
import { readHubSettings } from "../hub/hub-settings.ts";
import { CardFileError } from "./card-file-error.ts";

/** For files whose size the card does not say. */
const maxFileBytes = 256 * 1024 * 1024;
const timeoutMs = 60_000;

/** The verified bytes. Throws CardFileError; trying again later may help where it is retryable. */
export async function downloadCardFile(
  card: ModelCard,
  file: CardFile,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const { url, headers } = await toRequest(card, file);
  const limitBytes = Math.min(file.sizeBytes ?? maxFileBytes, maxFileBytes);
  const bytes = await fetchBytes(card, { url, headers, limitBytes, signal });
  const checksum = contentChecksum(bytes);
  if (checksum === file.checksum) return bytes;
  throw new CardFileError(
    "DYN_CARD_FILE_CHECKSUM",
    `${card.displayName}: ${url} has the checksum ${checksum}, the card says ${file.checksum}. The model is not served with it; restart the worker that serves the file if it was changed.`,
  );
}

async function toRequest(
  card: ModelCard,
  { path }: CardFile,
): Promise<{ url: string; headers: Record<string, string> }> {
  if (/^https?:\/\//.test(path)) return { url: path, headers: {} };
  const hub = /^hf:\/\/([^/]+\/[^/]+)\/(.+)$/.exec(path);
  const id = hub?.[1] ?? card.sourcePath;
  const name = hub?.[2] ?? path.slice(path.lastIndexOf("/") + 1);
  if (!/^[\w.-]+\/[\w.-]+$/.test(id)) {
    throw new CardFileError(
      "DYN_CARD_FILE_MISSING",
      `${card.displayName}: ${path} is not on this machine, and the card says no other place. Share the folder, or start the workers with DYN_SYSTEM_PORT=0 so that they serve the file.`,
    );
  }
  const settings = await readHubSettings(process.env);
  return {
    url: `${settings.endpoint}/${id}/resolve/main/${name}`,
    headers: settings.token === null ? {} : { authorization: `Bearer ${settings.token}` },
  };
}

async function fetchBytes(
  card: ModelCard,
  request: {
    readonly url: string;
    readonly headers: Record<string, string>;
    readonly limitBytes: number;
    readonly signal: AbortSignal | undefined;
  },
): Promise<Uint8Array> {
  const { url, headers, limitBytes, signal } = request;
  const timeout = AbortSignal.timeout(timeoutMs);
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  try {
    const response = await fetch(url, {
      headers,
      signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
    });
    if (!response.ok) throw new Error(`it answers ${response.status}`);
    for await (const chunk of response.body ?? []) {
      sizeBytes += chunk.length;
      if (sizeBytes > limitBytes) throw tooLarge(card, url, limitBytes);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof CardFileError) throw error;
    const { message, cause } = error as Error;
    const why = cause instanceof Error ? cause.message : message;
    throw new CardFileError(
      "DYN_CARD_FILE_MISSING",
      `${card.displayName}: ${url} cannot be read: ${why}. The address must be reachable from here (DYN_SYSTEM_HOST at the worker).`,
      error,
    );
  }
  return Buffer.concat(chunks);
}

function tooLarge(card: ModelCard, url: string, limitBytes: number): CardFileError {
  return new CardFileError(
    "DYN_CARD_FILE_TOO_LARGE",
    `${card.displayName}: ${url} is larger than ${limitBytes} bytes, what the card allows.`,
  );
}
