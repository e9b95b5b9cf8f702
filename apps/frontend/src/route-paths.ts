import type { FrontendArgs } from "@dyn/args";
import type { RoutePaths } from "@dyn/gateway";

/** Routes that stand elsewhere than usual, from the frontend's variables. */
export function routePaths({ values }: FrontendArgs): RoutePaths {
  const { http } = values;
  const paths = {
    chat: http.chatPath,
    completions: http.cmpPath,
    embeddings: http.embPath,
    responses: http.responsesPath,
    models: http.modelsPath,
    anthropic: http.anthropicPath,
    health: http.healthPath,
    live: http.livePath,
    metrics: http.metricsPath,
    classify: http.classifyPath,
    pooling: http.poolingPath,
    rerank: http.rerankPath,
    sglangGenerate: http.sglangGeneratePath,
    vllmGenerate: http.vllmGeneratePath,
  };
  return Object.fromEntries(Object.entries(paths).filter(([, path]) => path !== undefined));
}
