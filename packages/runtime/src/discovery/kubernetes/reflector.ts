// A copy of one collection of the Kubernetes API, kept by one list and then its changes. It survives ends of watches,
// outages and versions that are gone (410): it resumes where it can and lists again where it must.
import { z } from "zod";
import { pause } from "../pause.ts";
import type { KubeClient } from "./kube-client.ts";
import { KubeError } from "./kube-error.ts";

const KubeObject = z.looseObject({
  metadata: z.looseObject({ name: z.string().optional(), resourceVersion: z.string().optional() }),
});
export type KubeObject = z.infer<typeof KubeObject>;

const KubeList = z.looseObject({
  metadata: z.looseObject({ resourceVersion: z.string() }),
  items: z.array(KubeObject),
});

const KubeEvent = z.looseObject({ type: z.string(), object: z.unknown() });

export interface ReflectorOptions {
  readonly client: KubeClient;
  /** Of the collection, without a query. */
  readonly path: string;
  readonly labelSelector?: string;
  readonly signal: AbortSignal;
  /** `isWhole`: the collection was listed, changes before may have been missed. */
  readonly onChange: (isWhole: boolean) => void;
  readonly onProblem: (message: string, error: unknown) => void;
  /** First pause after a failure; it doubles up to 16 times as long. Default 250 ms. */
  readonly retryMs?: number;
}

/** The server ends a watch by itself after this; what ends without a word is noticed by then. */
const watchSeconds = 290;

export class Reflector {
  readonly #options: ReflectorOptions;
  readonly #objects = new Map<string, KubeObject>();

  constructor(options: ReflectorOptions) {
    this.#options = options;
  }

  get objects(): Iterable<KubeObject> {
    return this.#objects.values();
  }

  /** Ends with the signal; never throws. */
  async run(): Promise<void> {
    const { signal, onProblem, path, retryMs = 250 } = this.#options;
    let version: string | null = null;
    let pauseMs = retryMs;
    while (!signal.aborted) {
      const before: string | null = version;
      try {
        version ??= await this.#list();
        version = await this.#follow(version);
        pauseMs = retryMs;
        // A server that ends watches at once must not be asked without end.
        if (version === before) await pause(retryMs, signal);
      } catch (error) {
        if (signal.aborted) return;
        version = version === null ? null : this.#lastSeen;
        if (error instanceof KubeError && error.kubeStatus === 410) version = null;
        else onProblem(`The Kubernetes watch of ${path} broke and begins again.`, error);
        await pause(pauseMs, signal);
        pauseMs = Math.min(pauseMs * 2, retryMs * 16);
      }
    }
  }

  /** The version of the last event, from which a broken watch goes on. */
  #lastSeen: string | null = null;

  async #list(): Promise<string> {
    const { items, version } = await listCollection(this.#options);
    this.#objects.clear();
    for (const item of items) this.#objects.set(item.metadata.name ?? "", item);
    this.#lastSeen = version;
    this.#options.onChange(true);
    return version;
  }

  /** Resolves with the version to go on from when the server ended the watch. */
  async #follow(from: string): Promise<string> {
    const { client, path, labelSelector, signal, onChange } = this.#options;
    const query = new URLSearchParams({
      watch: "true",
      allowWatchBookmarks: "true",
      resourceVersion: from,
      timeoutSeconds: String(watchSeconds),
      ...(labelSelector === undefined ? {} : { labelSelector }),
    });
    for await (const line of client.watch(`${path}?${query}`, signal)) {
      const event = KubeEvent.parse(line);
      if (event.type === "ERROR") throw KubeError.fromStatus(path, event.object);
      const object = KubeObject.parse(event.object);
      const { name, resourceVersion } = object.metadata;
      if (resourceVersion !== undefined) this.#lastSeen = resourceVersion;
      if (event.type === "BOOKMARK" || name === undefined) continue;
      if (event.type === "DELETED") this.#objects.delete(name);
      else this.#objects.set(name, object);
      onChange(false);
    }
    return this.#lastSeen ?? from;
  }
}

export async function listCollection(options: {
  readonly client: KubeClient;
  readonly path: string;
  readonly labelSelector?: string;
}): Promise<{ readonly items: readonly KubeObject[]; readonly version: string }> {
  const { client, path, labelSelector } = options;
  const query = labelSelector === undefined ? "" : `?${new URLSearchParams({ labelSelector })}`;
  const { metadata, items } = KubeList.parse(
    await client.call({ method: "GET", path: path + query }),
  );
  return { items, version: metadata.resourceVersion };
}
