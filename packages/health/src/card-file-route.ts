// The files that a model card names, served by the worker itself so that frontends on other hosts can read them
// (Dynamo 1.6.1). Only files that were given are served: no path of a request reaches the file system.
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";

export interface CardFileGroup {
  readonly namespace: string;
  readonly component: string;
  readonly endpoint: string;
  /** The model's name as it stands in discovery keys. */
  readonly slug: string;
  /** File name to absolute path. */
  readonly files: Readonly<Record<string, string>>;
}

/** The path of a file below the server's root. */
export function cardFilePath(group: Omit<CardFileGroup, "files">, fileName: string): string {
  const { namespace, component, endpoint, slug } = group;
  const parts = [namespace, component, endpoint, slug, "_base", fileName];
  return `/v1/metadata/${parts.map(encodeURIComponent).join("/")}`;
}

export class CardFileRoute {
  readonly #pathByUrl = new Map<string, string>();

  add(group: CardFileGroup): void {
    for (const [name, path] of Object.entries(group.files)) {
      this.#pathByUrl.set(cardFilePath(group, name), path);
    }
  }

  /** `false` when no such file was given. */
  async answer(url: string, method: string, response: ServerResponse): Promise<boolean> {
    const path = this.#pathByUrl.get(url);
    if (path === undefined) return false;
    const { size } = await stat(path);
    response.writeHead(200, {
      "content-type": "application/octet-stream",
      "content-length": size,
    });
    if (method === "HEAD") response.end();
    else await pipeline(createReadStream(path, { end: Math.max(0, size - 1) }), response);
    return true;
  }
}
