import { z } from "zod";
import { option } from "../option/option-meta.ts";

const group = "Router service";

/** What a router has that is a process of its own. */
export const routerServiceOptions = z.object({
  endpoint: option(
    "Endpoint of the workers to route to: namespace.component.endpoint, with or without dyn:// in front.",
    z.string().min(1).optional(),
    { env: "DYN_ROUTER_ENDPOINT", group, placeholder: "NAME" },
  ),
  routerBlockSize: option(
    "Tokens of a block; the workers' --page-size.",
    z.number().int().min(1).max(16_384).default(128),
    { env: "DYN_ROUTER_BLOCK_SIZE", group },
  ),
  namespace: option(
    "Namespace that the router itself serves in, as <namespace>.router.generate.",
    z.string().min(1).default("dynamo"),
    { env: "DYN_NAMESPACE", group },
  ),
  modelName: option(
    "Model under which the index is offered with --serve-indexer, asked for with --use-remote-indexer and shown in decisions; by default the name in the workers' card.",
    z.string().min(1).optional(),
    { env: "DYN_ROUTER_MODEL_NAME", group, placeholder: "NAME" },
  ),
});
