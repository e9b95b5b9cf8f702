// All that this server answers, in the order of its document.
import type { GatewayContext } from "../gateway-context.ts";
import type { Route } from "../http/router.ts";
import { busyThresholdRoutes } from "./busy-threshold.ts";
import { chatCompletionsRoute } from "./chat-completions.ts";
import { clearKvBlocksRoute } from "./clear-kv-blocks.ts";
import { completionsRoute } from "./completions.ts";
import { debugRoutingRoute } from "./debug-routing.ts";
import { docsRoutes } from "./docs.ts";
import { embeddingsRoute } from "./embeddings.ts";
import { healthRoutes } from "./health.ts";
import { imagesRoutes } from "./images.ts";
import { messagesRoutes } from "./messages.ts";
import { metricsRoute } from "./metrics.ts";
import { modelRoutes } from "./models.ts";
import { rerankRoute } from "./rerank.ts";
import { responsesRoutes } from "./responses.ts";
import { moveRoutes, type RoutePaths } from "./route-paths.ts";
import { scoringRoutes } from "./scoring.ts";
import { sglangGenerateRoutes } from "./sglang-generate.ts";
import { tokenizeRoutes } from "./tokenize.ts";
import { videosRoutes } from "./videos.ts";
import { vllmGenerateRoute } from "./vllm-generate.ts";

export function createRoutes(
  context: GatewayContext,
  options: { readonly paths: RoutePaths; readonly isDraining: () => boolean },
): Route[] {
  const { settings } = context;
  const usual: Route[] = [
    chatCompletionsRoute(context),
    completionsRoute(context),
    embeddingsRoute(context),
    rerankRoute(context),
    ...scoringRoutes(context),
    ...responsesRoutes(context),
    ...imagesRoutes(context),
    ...videosRoutes(context),
    ...(settings.anthropicApi ? messagesRoutes(context) : []),
    ...(settings.sglangGenerate ? sglangGenerateRoutes(context) : []),
    ...(settings.vllmGenerate ? [vllmGenerateRoute(context)] : []),
    ...modelRoutes(context),
    ...tokenizeRoutes(context),
    ...healthRoutes(context, options),
    metricsRoute(context),
    ...(settings.adminApi ? [...busyThresholdRoutes(context), clearKvBlocksRoute(context)] : []),
    debugRoutingRoute(context),
  ];
  const routes = moveRoutes(usual, options.paths);
  return [...routes, ...docsRoutes(routes)];
}
