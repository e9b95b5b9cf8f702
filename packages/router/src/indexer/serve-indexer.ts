// `--serve-indexer`: the index of this process's routers, for routers that keep none of their own.
import type { Annotated, DistributedRuntime, EndpointId, ServedEndpoint } from "@dyn/runtime";
import type { KvRouter } from "../choice/kv-router.ts";
import { indexerEndpoint, overlapsToWire, wireToQuery } from "./indexer-wire.ts";

/** One endpoint per component of workers, which answers for all models of it. */
interface Component {
  readonly routers: Map<string, KvRouter>;
  readonly served: Promise<ServedEndpoint>;
}

const componentsByRuntime = new WeakMap<DistributedRuntime, Map<string, Component>>();

/**
 * Serves `{namespace}.{component of the workers}.kv_indexer_query` for the router's model. The result ends it; the endpoint
 * closes with the last model.
 */
export async function serveIndexer(options: {
  readonly runtime: DistributedRuntime;
  /** Of the workers. */
  readonly endpoint: EndpointId;
  readonly router: KvRouter;
}): Promise<() => Promise<void>> {
  const { runtime, endpoint, router } = options;
  const { namespace, component: name } = endpoint;
  const components = componentsByRuntime.get(runtime) ?? new Map<string, Component>();
  componentsByRuntime.set(runtime, components);
  const key = `${namespace}.${name}`;
  let component = components.get(key);
  if (component === undefined) {
    const routers = new Map<string, KvRouter>();
    const id = { namespace, component: name, endpoint: indexerEndpoint };
    const served = runtime.endpoint(id).serve(createHandler(routers), { items: "bare" });
    component = { routers, served };
    components.set(key, component);
  }
  const { routers, served } = component;
  routers.set(router.model, router);
  await served;
  return async () => {
    if (routers.get(router.model) === router) routers.delete(router.model);
    if (routers.size > 0 || components.get(key)?.served !== served) return;
    components.delete(key);
    await (await served).close();
  };
}

function createHandler(routers: ReadonlyMap<string, KvRouter>) {
  return async function* answer(request: unknown): AsyncGenerator<Annotated> {
    const { model, localHashes, isDeviceOnly } = wireToQuery(request);
    const router = routers.get(model);
    if (router === undefined) {
      const known = [...routers.keys()].join(", ");
      yield {
        data: { Error: `served indexer model ${model} is not registered (it has ${known})` },
      };
      return;
    }
    const overlaps = router.index.findMatchesByLocal(localHashes);
    yield { data: overlapsToWire(overlaps, isDeviceOnly) };
  };
}
