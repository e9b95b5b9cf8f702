import type { FrontendArgs } from "@dyn/args";
import type { GatewaySettings } from "@dyn/gateway";

/** How the gateway speaks, from the frontend's options. */
export function gatewaySettings({ values }: FrontendArgs): Partial<GatewaySettings> {
  const { http, frontend } = values;
  return {
    reasoningField: frontend.reasoningFieldName,
    excludeToolsWhenToolChoiceNone: frontend.excludeToolsWhenToolChoiceNone,
    anthropicApi: frontend.enableAnthropicApi,
    sglangGenerate: http.sglangGenerate,
    adminApi: !http.disableAdminApi,
    stripAnthropicPreamble: frontend.stripAnthropicPreamble,
    forceIncludeUsage: http.forceIncludeUsage,
    nvext: !http.disableNvext,
    sseKeepAliveMs: http.sseKeepAliveIntervalMs ?? null,
    shownContextLength: http.contextWindow ?? null,
    shownMaxOutputTokens: http.maxOutputTokens ?? null,
    ignoreUnknownFields: http.ignoreUnsupportedFields,
  };
}
