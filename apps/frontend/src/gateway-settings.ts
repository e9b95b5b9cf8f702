import { readFile } from "node:fs/promises";
import { ArgsError, type FrontendArgs } from "@dyn/args";
import { type GatewaySettings, type RequestTemplate, readRequestTemplate } from "@dyn/gateway";

/** How the gateway speaks, from the frontend's options. */
export async function gatewaySettings({ values }: FrontendArgs): Promise<Partial<GatewaySettings>> {
  const { http, frontend } = values;
  return {
    reasoningField: frontend.reasoningFieldName,
    excludeToolsWhenToolChoiceNone: frontend.excludeToolsWhenToolChoiceNone,
    anthropicApi: frontend.enableAnthropicApi,
    sglangGenerate: http.sglangGenerate,
    vllmGenerate: http.vllmGenerate,
    adminApi: !http.disableAdminApi,
    stripAnthropicPreamble: frontend.stripAnthropicPreamble,
    forceIncludeUsage: http.forceIncludeUsage,
    nvext: !http.disableNvext,
    sseKeepAliveMs: http.sseKeepAliveIntervalMs ?? null,
    shownContextLength: http.contextWindow ?? null,
    shownMaxOutputTokens: http.maxOutputTokens ?? null,
    streamingDispatch: {
      calls: frontend.enableStreamingToolDispatch,
      reasoning: frontend.enableStreamingReasoningDispatch,
    },
    requestTemplate: await requestTemplate(frontend.requestTemplate),
    overloadStatus: http.overloadStatusCode,
    backendStreamTimeoutMs:
      http.backendStreamTimeoutSecs === undefined ? null : http.backendStreamTimeoutSecs * 1000,
    prefillTimeoutMs: http.prefillTimeoutSecs === undefined ? null : http.prefillTimeoutSecs * 1000,
    ignoreUnknownFields: http.ignoreUnsupportedFields,
  };
}

async function requestTemplate(path: string | undefined): Promise<RequestTemplate | null> {
  if (path === undefined) return null;
  const flag = "--request-template";
  try {
    return readRequestTemplate(await readFile(path, "utf8"), path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ArgsError("CONFIG_FILE", `${flag} ${path} cannot be used: ${reason}`, { flag });
  }
}
