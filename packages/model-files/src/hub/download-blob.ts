// One file of the hub into blobs/<etag>, by way of blobs/<etag>.incomplete, which a later try goes on with.
// A blob appears under its name only when its size and checksum are right.

import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { DynError } from "@dyn/protocol";
import { isNotFound } from "../files/model-file-error.ts";
import type { CacheLayout } from "./cache-layout.ts";
import { withFileLock } from "./file-lock.ts";
import {
  connectionReason,
  type HubClient,
  RangeRefusedError,
  type RemoteFile,
} from "./hub-client.ts";
import { diskError, HubError } from "./hub-error.ts";
import { TransientError } from "./retry-schedule.ts";

/** A file that arrived damaged this often will not get better. */
const maxDamagedTries = 3;

export interface BlobRequest {
  readonly client: HubClient;
  readonly layout: CacheLayout;
  readonly id: string;
  readonly commit: string;
  readonly file: string;
}

/** Returns the blob's etag, the name of its file. */
export async function downloadBlob(request: BlobRequest): Promise<string> {
  const { client, layout, file, commit } = request;
  let damagedTries = 0;
  let ifRange: string | null = null;
  let furthestBytes = 0;
  return await client.retry(`${request.id}/${file}`, async (progressed) => {
    const remote = await client.describe(commit, file);
    const blob = join(layout.blobs, remote.etag);
    if (await hasSize(blob, remote.sizeBytes)) return remote.etag;
    await makeDirectory(layout.blobs);
    const { timers, signal } = client.options;
    await withFileLock(
      join(layout.locks, `${remote.etag}.dyn.lock`),
      timers,
      async () => {
        if (await hasSize(blob, remote.sizeBytes)) return;
        try {
          await fillPartial(request, remote, `${blob}.incomplete`, {
            ifRange,
            reached: (doneBytes) => {
              // Only new ground counts: a hub that always begins anew and always breaks must end some time.
              if (doneBytes > furthestBytes) progressed();
              furthestBytes = Math.max(furthestBytes, doneBytes);
            },
            served: (etag) => {
              ifRange = etag;
            },
          });
        } catch (error) {
          if (error instanceof DamagedError) {
            damagedTries += 1;
            ifRange = null;
            await rm(`${blob}.incomplete`, { force: true });
            if (damagedTries >= maxDamagedTries) throw error.toHubError(request.id, file);
          }
          throw error;
        }
        await rename(`${blob}.incomplete`, blob);
      },
      { signal },
    );
    return remote.etag;
  });
}

/** What arrived is not the file. Trying again from the start may help. */
class DamagedError extends TransientError {
  toHubError(id: string, file: string): HubError {
    return new HubError(
      "DYN_HUB_CORRUPT",
      `${id}/${file}: ${this.message}, ${maxDamagedTries} times. The hub or a proxy in between sends wrong data.`,
      this,
    );
  }
}

interface Attempt {
  readonly ifRange: string | null;
  readonly reached: (doneBytes: number) => void;
  readonly served: (strongEtag: string | null) => void;
}

async function fillPartial(
  request: BlobRequest,
  remote: RemoteFile,
  partial: string,
  attempt: Attempt,
): Promise<void> {
  const { client, file } = request;
  let handle: FileHandle | undefined;
  try {
    handle = await open(partial, "a+");
    let from = (await handle.stat()).size;
    if (remote.sizeBytes !== null && from > remote.sizeBytes) {
      await handle.truncate(0);
      from = 0;
    }
    client.options.listener({
      type: "file-started",
      file,
      sizeBytes: remote.sizeBytes,
      resumedBytes: from,
    });
    const hash = createHash("sha256");
    const done = await receive(request, remote, { handle, partial, from, hash }, attempt);
    checkContent(remote, done, hash);
    await handle.sync();
    client.options.listener({ type: "file-finished", file, sizeBytes: done });
  } catch (error) {
    if (DynError.is(error) || error instanceof TransientError) throw error;
    throw diskError(error, partial);
  } finally {
    await handle?.close();
  }
}

interface Target {
  readonly handle: FileHandle;
  readonly partial: string;
  readonly from: number;
  readonly hash: Hash;
}

/** Brings the rest of the file. Returns the size it has then. */
async function receive(
  request: BlobRequest,
  remote: RemoteFile,
  target: Target,
  attempt: Attempt,
): Promise<number> {
  const { client, commit, file } = request;
  if (target.from > 0 && target.from === remote.sizeBytes) {
    await hashFile(target.partial, target.hash);
    return target.from;
  }
  const stall = createStallGuard(client.options.stallTimeoutMs);
  try {
    const { from: asked } = target;
    const response = await client.open(commit, file, asked, attempt.ifRange, stall.signal);
    const etag = client.ownEtag(response);
    if (etag !== null && etag !== remote.etag) {
      await response.body?.cancel();
      throw new TransientError(`the file changed from ${remote.etag} to ${etag} meanwhile`);
    }
    const from = await readOffset(response, target, remote);
    if (from > 0) await hashFile(target.partial, target.hash);
    attempt.served(readStrongEtag(response));
    return await writeBody(response, target, from, {
      onBytes: (doneBytes) => {
        stall.touch();
        attempt.reached(doneBytes);
        client.options.listener({ type: "file-progress", file, doneBytes });
      },
      limitBytes: remote.sizeBytes,
    });
  } catch (error) {
    if (error instanceof RangeRefusedError) {
      await target.handle.truncate(0);
      throw new TransientError(`the hub refused to go on at byte ${target.from} of ${commit}`);
    }
    throw error;
  } finally {
    stall.close();
  }
}

/** Where the response's body begins: 0 for a server that sends everything, which restarts the file. */
async function readOffset(response: Response, target: Target, remote: RemoteFile): Promise<number> {
  if (response.status === 206) {
    const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get("content-range") ?? "");
    const sameSize =
      range?.[2] === "*" || remote.sizeBytes === null || Number(range?.[2]) === remote.sizeBytes;
    if (range !== null && Number(range[1]) === target.from && sameSize) return target.from;
    await response.body?.cancel();
    throw new DamagedError(
      `the hub sent "${response.headers.get("content-range")}" when asked for byte ${target.from} on`,
    );
  }
  if (target.from > 0) await target.handle.truncate(0);
  return 0;
}

async function writeBody(
  response: Response,
  target: Target,
  from: number,
  options: { readonly onBytes: (doneBytes: number) => void; readonly limitBytes: number | null },
): Promise<number> {
  let done = from;
  const body = response.body?.getReader();
  if (body === undefined) return done;
  for (;;) {
    const chunk = await body.read().catch((error: unknown) => {
      throw new TransientError(
        `the connection broke at byte ${done} (${connectionReason(error)})`,
        { cause: error },
      );
    });
    if (chunk.done) return done;
    if (options.limitBytes !== null && done + chunk.value.length > options.limitBytes) {
      await body.cancel();
      throw new DamagedError(`more than the announced ${options.limitBytes} bytes arrived`);
    }
    target.hash.update(chunk.value);
    await target.handle.appendFile(chunk.value);
    done += chunk.value.length;
    options.onBytes(done);
  }
}

function checkContent(remote: RemoteFile, doneBytes: number, hash: Hash): void {
  if (remote.sizeBytes !== null && doneBytes < remote.sizeBytes) {
    throw new TransientError(`the connection ended at byte ${doneBytes} of ${remote.sizeBytes}`);
  }
  if (!/^[0-9a-f]{64}$/.test(remote.etag)) return;
  const sha256 = hash.digest("hex");
  if (sha256 !== remote.etag) {
    throw new DamagedError(`its sha256 is ${sha256}, the hub announced ${remote.etag}`);
  }
}

async function hashFile(file: string, hash: Hash): Promise<void> {
  for await (const chunk of createReadStream(file)) hash.update(chunk);
}

/** An ETag that If-Range may carry. */
function readStrongEtag(response: Response): string | null {
  const etag = response.headers.get("etag");
  return etag?.startsWith('"') ? etag : null;
}

function createStallGuard(timeoutMs: number) {
  const controller = new AbortController();
  const abort = () => controller.abort(new Error(`no byte for ${timeoutMs} ms`));
  let timer = setTimeout(abort, timeoutMs);
  return {
    signal: controller.signal,
    touch() {
      clearTimeout(timer);
      timer = setTimeout(abort, timeoutMs);
    },
    close: () => clearTimeout(timer),
  };
}

async function hasSize(path: string, sizeBytes: number | null): Promise<boolean> {
  try {
    const { size } = await stat(path);
    return sizeBytes === null || size === sizeBytes;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw diskError(error, path);
  }
}

async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    throw diskError(error, path);
  }
}
