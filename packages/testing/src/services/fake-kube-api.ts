// The part of the Kubernetes API that discovery uses, with its habits: versions that only grow, watches that replay and
// then follow, bookmarks, 410 for what is compacted, server-side apply, owners that take what they own with them.
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { type KubeChange, KubeCollection, type KubeItem } from "./kube-collection.ts";

const fixture = (name: string) =>
  readFileSync(new URL(`../../fixtures/${name}`, import.meta.url), "utf8");
const enabled = { "nvidia.com/dynamo-discovery-enabled": "true" };
const namespace = "default";

export class FakeKubeApi {
  /** Tokens that are let in. */
  readonly tokens = new Set(["first-token"]);
  /** `GET /path?query` of each request that came. */
  readonly requests: string[] = [];
  readonly isTls: boolean;
  readonly #collections = new Map<string, KubeCollection>();
  readonly #watching = new Set<ServerResponse>();
  readonly #ready = new Map<string, boolean>();
  #server: Server | null = null;
  #port = 0;
  #version = 100;

  private constructor(isTls: boolean) {
    this.isTls = isTls;
    const nextVersion = () => ++this.#version;
    const add = (path: string, apiVersion: string, kind: string) =>
      this.#collections.set(path, new KubeCollection(apiVersion, kind, nextVersion));
    add(
      `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`,
      "discovery.k8s.io/v1",
      "EndpointSlice",
    );
    add(`/api/v1/namespaces/${namespace}/pods`, "v1", "Pod");
    add(
      `/apis/nvidia.com/v1alpha1/namespaces/${namespace}/dynamoworkermetadatas`,
      "nvidia.com/v1alpha1",
      "DynamoWorkerMetadata",
    );
  }

  static async start(options: { readonly isTls?: boolean } = {}): Promise<FakeKubeApi> {
    const api = new FakeKubeApi(options.isTls ?? false);
    await api.resume();
    return api;
  }

  get url(): string {
    return `${this.isTls ? "https" : "http"}://127.0.0.1:${this.#port}`;
  }

  /** What a pod finds as `ca.crt`. */
  get authority(): string {
    return fixture("loopback-certificate.pem");
  }

  /** Listens (again, on the same address); state stays. */
  async resume(): Promise<void> {
    const listener = (request: IncomingMessage, response: ServerResponse) =>
      void this.#answer(request, response);
    const server = this.isTls
      ? createTlsServer({ key: fixture("loopback-key.pem"), cert: this.authority }, listener)
      : createServer(listener);
    await new Promise<void>((resolve) => server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Nobody answers; connections break. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  }

  /** A pod that runs; its one container has this name. */
  setReady(pod: string, isReady: boolean, container = "main"): void {
    this.#ready.set(pod, isReady);
    this.collection("pods").put({
      metadata: { name: pod, namespace, labels: enabled },
      status: { containerStatuses: [{ name: container, ready: isReady }] },
    });
    this.#putSlice();
  }

  /** Its slices drop it, and the garbage collector what it owns. */
  deletePod(pod: string): void {
    this.#ready.delete(pod);
    this.#putSlice();
    const gone = this.collection("pods").delete(pod);
    for (const collection of this.#collections.values()) {
      for (const { metadata } of collection.list(() => true)) {
        if (metadata.ownerReferences?.some(({ uid }) => uid === gone?.metadata.uid)) {
          collection.delete(metadata.name);
        }
      }
    }
  }

  uidOf(pod: string): string | undefined {
    return this.collection("pods").get(pod)?.metadata.uid;
  }

  /** By its plural: `dynamoworkermetadatas`. */
  collection(plural: string): KubeCollection {
    for (const [path, collection] of this.#collections) {
      if (path.endsWith(`/${plural}`)) return collection;
    }
    throw new Error(`There is no collection ${plural}.`);
  }

  /** What watches could replay is forgotten: resuming before this moment answers 410. */
  compact(): void {
    for (const collection of this.#collections.values()) collection.compact(this.#version);
  }

  bookmark(): void {
    for (const collection of this.#collections.values()) collection.bookmark(this.#version);
  }

  /** As when a watch's time is over: the stream ends, cleanly. */
  endWatches(): void {
    for (const response of this.#watching) response.end();
  }

  get watchCount(): number {
    return this.#watching.size;
  }

  #putSlice(): void {
    this.collection("endpointslices").put({
      metadata: { name: "workers-abcde", namespace, labels: enabled },
      addressType: "IPv4",
      endpoints: [...this.#ready].map(([name, ready]) => ({
        addresses: ["192.0.2.1"],
        conditions: { ready, serving: ready, terminating: false },
        targetRef: { kind: "Pod", name, namespace },
      })),
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", this.url);
    this.requests.push(`${request.method} ${request.url}`);
    const token = /^Bearer (.*)$/.exec(request.headers.authorization ?? "")?.[1];
    if (token === undefined || !this.tokens.has(token)) {
      sendStatus(response, 401, "Unauthorized");
      return;
    }
    const collection = this.#collections.get(url.pathname);
    if (collection !== undefined && request.method === "GET") {
      if (url.searchParams.get("watch") === "true") this.#watch(collection, url, response);
      else sendJson(response, 200, this.#listOf(collection, url));
      return;
    }
    const slash = url.pathname.lastIndexOf("/");
    const parent = this.#collections.get(url.pathname.slice(0, slash));
    const name = url.pathname.slice(slash + 1);
    if (parent === undefined) sendStatus(response, 404, "the server could not find the resource");
    else if (request.method === "PATCH") await this.#apply(parent, name, url, request, response);
    else if (request.method === "DELETE") {
      const gone = parent.delete(name);
      if (gone === undefined) sendStatus(response, 404, `"${name}" not found`);
      else sendJson(response, 200, { kind: "Status", status: "Success" });
    } else sendStatus(response, 405, "method not allowed");
  }

  #listOf(collection: KubeCollection, url: URL): unknown {
    return {
      apiVersion: collection.apiVersion,
      kind: `${collection.kind}List`,
      metadata: { resourceVersion: String(this.#version) },
      items: collection.list(selectorOf(url)),
    };
  }

  async #apply(
    collection: KubeCollection,
    name: string,
    url: URL,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    if (request.headers["content-type"] !== "application/apply-patch+yaml") {
      sendStatus(response, 415, "the body of the request was in an unknown format");
      return;
    }
    if (!url.searchParams.get("fieldManager")) {
      sendStatus(response, 422, "fieldManager is required for apply patch");
      return;
    }
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const item = JSON.parse(text) as KubeItem;
    if (item.metadata.name !== name || item.apiVersion !== collection.apiVersion) {
      sendStatus(response, 400, "the object does not match the address");
      return;
    }
    const isNew = collection.get(name) === undefined;
    sendJson(response, isNew ? 201 : 200, collection.put(item));
  }

  #watch(collection: KubeCollection, url: URL, response: ServerResponse): void {
    const from = Number(url.searchParams.get("resourceVersion") ?? "0");
    const matches = selectorOf(url);
    const wantsBookmarks = url.searchParams.get("allowWatchBookmarks") === "true";
    response.writeHead(200, { "content-type": "application/json" });
    const send = (change: KubeChange) => {
      if (change.type === "BOOKMARK" && !wantsBookmarks) return;
      const type = typeFor(change, matches);
      if (type !== null) response.write(`${JSON.stringify({ type, object: change.object })}\n`);
    };
    const missed = collection.changesSince(from);
    if (missed === null) {
      const object = { kind: "Status", code: 410, reason: "Expired", message: "too old version" };
      response.end(`${JSON.stringify({ type: "ERROR", object })}\n`);
      return;
    }
    response.flushHeaders();
    for (const change of missed) send(change);
    const stop = collection.listen(send);
    this.#watching.add(response);
    response.on("close", () => {
      stop();
      this.#watching.delete(response);
    });
  }
}

/** What a change is to a watch with a selector: an object that begins to match is added, one that ends is deleted. */
function typeFor(change: KubeChange, matches: (item: KubeItem) => boolean): string | null {
  if (change.type === "BOOKMARK") return change.type;
  const isIn = change.type !== "DELETED" && matches(change.object);
  const wasIn = change.before !== undefined && matches(change.before);
  if (isIn) return wasIn ? "MODIFIED" : "ADDED";
  return wasIn ? "DELETED" : null;
}

/** Equality selectors only. */
function selectorOf(url: URL): (item: KubeItem) => boolean {
  const pairs = (url.searchParams.get("labelSelector") ?? "")
    .split(",")
    .filter((part) => part !== "")
    .map((part) => part.split("="));
  return ({ metadata }) => pairs.every(([name, value]) => metadata.labels?.[name ?? ""] === value);
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
}

function sendStatus(response: ServerResponse, code: number, message: string): void {
  sendJson(response, code, { kind: "Status", apiVersion: "v1", status: "Failure", message, code });
}
