// Discovery through the Kubernetes API, as Dynamo 1.6.1 does it: each process keeps its records in one custom resource
// that belongs to its pod, and only those of ready pods count. No lease: readiness is the liveness.
import { stringifyJson } from "../../codec/json-codec.ts";
import type { Discovery, DiscoveryEvent } from "../discovery.ts";
import { type Bucket, bucketOf, bucketPrefix, type DiscoveryRecord, recordKey } from "../record.ts";
import { WatchChannel } from "../watch-channel.ts";
import { KubeClient, type KubeClientOptions } from "./kube-client.ts";
import { KubeError } from "./kube-error.ts";
import {
  type PodIdentity,
  type PodOptions,
  readPodIdentity,
  resourceInstanceId,
} from "./pod-identity.ts";
import { readyResources } from "./ready-resources.ts";
import { RecordWatch } from "./record-watch.ts";
import { type KubeObject, listCollection, Reflector } from "./reflector.ts";
import {
  decodeWorkerMetadata,
  describeRecords,
  encodeWorkerMetadata,
  type HeldRecord,
  metadataGroup,
  metadataPlural,
} from "./worker-metadata.ts";

export interface KubernetesDiscoveryOptions extends KubeClientOptions, PodOptions {
  readonly onProblem?: (message: string, error: unknown) => void;
  /** First pause after a broken watch. Default 250 ms. */
  readonly retryMs?: number;
}

const labelSelector = "nvidia.com/dynamo-discovery-enabled=true";
const fieldManager = "dynamo-worker";

export class KubernetesDiscovery implements Discovery {
  readonly kind = "kubernetes";
  readonly instanceId: bigint;
  readonly #client: KubeClient;
  readonly #pod: PodIdentity;
  readonly #options: KubernetesDiscoveryOptions;
  readonly #onProblem: (message: string, error: unknown) => void;
  readonly #end = new AbortController();
  readonly #own = new Map<string, DiscoveryRecord>();
  readonly #watches = new Set<RecordWatch>();
  /** Last good content of each resource, by name. */
  readonly #held = new Map<string, { readonly version: string; readonly records: HeldRecord[] }>();
  #reflectors: { readonly readiness: Reflector; readonly metadata: Reflector } | null = null;
  readonly #listed = new Set<"readiness" | "metadata">();
  #running: Promise<unknown> = Promise.resolve();
  #present: ReadonlyMap<string, HeldRecord> | null = null;
  #isRefreshDue = false;
  #isWholeDue = false;
  #writing: Promise<void> = Promise.resolve();
  #nextWrite: Promise<void> | null = null;
  #hasWritten = false;

  private constructor(client: KubeClient, pod: PodIdentity, options: KubernetesDiscoveryOptions) {
    this.#client = client;
    this.#pod = pod;
    this.#options = options;
    this.#onProblem = options.onProblem ?? (() => {});
    this.instanceId = resourceInstanceId(pod.resourceName);
  }

  /** Throws an error that says what is missing: the pod's name, the API, a right, the custom resource. */
  static async connect(options: KubernetesDiscoveryOptions): Promise<KubernetesDiscovery> {
    const pod = await readPodIdentity(options);
    const client = await KubeClient.create(options);
    const discovery = new KubernetesDiscovery(client, pod, options);
    try {
      const { metadata } = await discovery.#listAll();
      // What an earlier process of this pod left behind is not ours.
      if (metadata.some((object) => object.metadata.name === pod.resourceName)) {
        await discovery.#deleteResource();
      }
      return discovery;
    } catch (error) {
      client.close();
      throw error;
    }
  }

  async put(record: DiscoveryRecord): Promise<void> {
    this.#own.set(recordKey(record), record);
    await this.#write();
  }

  async delete(key: string): Promise<void> {
    if (this.#own.delete(key)) await this.#write();
  }

  async list(bucket: Bucket, prefix = ""): Promise<DiscoveryRecord[]> {
    const { readiness, metadata } = await this.#listAll();
    const wanted = bucketPrefix(bucket, prefix);
    return [...this.#aggregate(readiness, metadata)]
      .filter(([key, { record }]) => key.startsWith(wanted) && bucketOf(record) === bucket)
      .map(([, { record }]) => record);
  }

  watch(
    bucket: Bucket,
    options: { readonly prefix?: string; readonly signal: AbortSignal },
  ): AsyncIterable<DiscoveryEvent> {
    const channel = new WatchChannel();
    const watch = new RecordWatch(bucketPrefix(bucket, options.prefix ?? ""), channel);
    const end = () => {
      this.#watches.delete(watch);
      watch.close();
    };
    if (options.signal.aborted || this.#end.signal.aborted) {
      end();
      return channel;
    }
    options.signal.addEventListener("abort", end, { once: true });
    this.#watches.add(watch);
    if (this.#present !== null) watch.tell(this.#present, true);
    this.#reflectors ??= this.#reflect();
    return channel;
  }

  ownMetadata(): string {
    return stringifyJson(describeRecords(this.#own.values()));
  }

  async close(): Promise<void> {
    if (this.#end.signal.aborted) return;
    this.#end.abort();
    for (const watch of this.#watches) watch.close();
    this.#watches.clear();
    await this.#running;
    await this.#writing;
    this.#own.clear();
    try {
      if (this.#hasWritten) await this.#deleteResource();
    } catch (error) {
      this.#onProblem(
        `${this.#pod.resourceName} could not be deleted; it goes with its pod.`,
        error,
      );
    }
    this.#client.close();
  }

  /** Both copies, from the first watch on. */
  #reflect() {
    const common = {
      client: this.#client,
      signal: this.#end.signal,
      onProblem: this.#onProblem,
      ...(this.#options.retryMs === undefined ? {} : { retryMs: this.#options.retryMs }),
    };
    const onChange = (kind: "readiness" | "metadata") => (isWhole: boolean) => {
      if (isWhole) this.#listed.add(kind);
      this.#scheduleRefresh(isWhole);
    };
    const readiness = new Reflector({
      ...common,
      path: this.#readinessPath,
      labelSelector,
      onChange: onChange("readiness"),
    });
    const metadata = new Reflector({
      ...common,
      path: this.#metadataPath,
      onChange: onChange("metadata"),
    });
    this.#running = Promise.all([readiness.run(), metadata.run()]);
    return { readiness, metadata };
  }

  /** Changes that come together are told together. */
  #scheduleRefresh(isWhole: boolean): void {
    this.#isWholeDue ||= isWhole;
    if (this.#isRefreshDue) return;
    this.#isRefreshDue = true;
    setImmediate(() => {
      this.#isRefreshDue = false;
      this.#refresh();
    });
  }

  #refresh(): void {
    if (this.#reflectors === null || this.#listed.size < 2 || this.#end.signal.aborted) return;
    const { readiness, metadata } = this.#reflectors;
    this.#present = this.#aggregate(readiness.objects, metadata.objects);
    for (const watch of this.#watches) watch.tell(this.#present, this.#isWholeDue);
    this.#isWholeDue = false;
  }

  /** By key: what the resources of ready pods hold. */
  #aggregate(
    readiness: Iterable<KubeObject>,
    metadata: Iterable<KubeObject>,
  ): Map<string, HeldRecord> {
    const ready = readyResources(this.#options.mode, readiness);
    const present = new Map<string, HeldRecord>();
    const names = new Set<string>();
    for (const resource of metadata) {
      const { name = "" } = resource.metadata;
      names.add(name);
      if (!ready.has(name)) continue;
      for (const held of this.#recordsOf(name, resource)) present.set(held.key, held);
    }
    for (const name of this.#held.keys()) if (!names.has(name)) this.#held.delete(name);
    return present;
  }

  /** Decoded once per version; one that cannot be read counts as the one before. */
  #recordsOf(name: string, resource: KubeObject): readonly HeldRecord[] {
    const { resourceVersion: version = "" } = resource.metadata;
    const held = this.#held.get(name);
    if (held?.version === version) return held.records;
    const records = decodeWorkerMetadata(resource, this.#onProblem) ?? held?.records ?? [];
    this.#held.set(name, { version, records });
    return records;
  }

  async #listAll() {
    const client = this.#client;
    const [readiness, metadata] = await Promise.all([
      listCollection({ client, path: this.#readinessPath, labelSelector }),
      listCollection({ client, path: this.#metadataPath }),
    ]);
    return { readiness: readiness.items, metadata: metadata.items };
  }

  /** One write at a time, of all records as they are when it begins; those who wait share the next. */
  #write(): Promise<void> {
    this.#nextWrite ??= this.#writing.then(() => {
      this.#nextWrite = null;
      const applied = this.#apply();
      this.#writing = applied.catch(() => {});
      return applied;
    });
    return this.#nextWrite;
  }

  async #apply(): Promise<void> {
    this.#hasWritten = true;
    const query = new URLSearchParams({ fieldManager, force: "true" });
    await this.#client.call({
      method: "PATCH",
      path: `${this.#metadataPath}/${this.#pod.resourceName}?${query}`,
      // JSON is YAML; the API takes applies by this name alone in every version.
      contentType: "application/apply-patch+yaml",
      body: encodeWorkerMetadata(this.#pod, this.#own.values()),
    });
  }

  async #deleteResource(): Promise<void> {
    try {
      await this.#client.call({
        method: "DELETE",
        path: `${this.#metadataPath}/${this.#pod.resourceName}`,
      });
    } catch (error) {
      if (!(error instanceof KubeError && error.kubeStatus === 404)) throw error;
    }
  }

  get #readinessPath(): string {
    const { namespace } = this.#pod;
    return this.#options.mode === "pod"
      ? `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`
      : `/api/v1/namespaces/${namespace}/pods`;
  }

  get #metadataPath(): string {
    return `${metadataGroup}/namespaces/${this.#pod.namespace}/${metadataPlural}`;
  }
}
