// GET, POST /busy_threshold: above which load workers of a model take nothing more.
import { type BusyThresholds, checkBusyThresholds, noThresholds } from "@dyn/router";
import { z } from "zod";
import type { GatewayContext } from "../gateway-context.ts";
import type { Route } from "../http/router.ts";
import { sendJson } from "../http/send-json.ts";
import { checkBody } from "../validation/check-body.ts";
import { readJson } from "../validation/read-body-value.ts";

const threshold = z.number({ error: "must be a number, or null for none" }).nullish();
const modelError = "must be the name of a model";
const Body = z.looseObject(
  {
    model: z.string({ error: modelError }).min(1, { error: modelError }),
    active_decode_blocks_threshold: threshold,
    active_prefill_tokens_threshold: threshold,
    active_prefill_tokens_threshold_frac: threshold,
  },
  { error: "must be an object" },
);

/** With those that the frontend began with for models that nobody set any for. */
export function busyThresholdRoutes(context: GatewayContext): Route[] {
  const { models, thresholds } = context;
  return [
    {
      method: "GET",
      path: "/busy_threshold",
      doc: { tag: "Operation", summary: "Above which load workers take nothing more." },
      access: "admin",
      handle: ({ response }) => {
        const names = new Set([...thresholds.models(), ...models.list().map(({ name }) => name)]);
        const rows = [...names].map((name) => toRow(name, current(context, name)));
        sendJson(response, 200, { thresholds: rows });
      },
    },
    {
      method: "POST",
      path: "/busy_threshold",
      doc: { tag: "Operation", summary: "Sets or reads those of one model." },
      access: "admin",
      handle: async (exchange) => {
        const body = checkBody(Body, await readJson(exchange, context.limits));
        const { model, ...fields } = body;
        const isRead = !Object.keys(fields).some((name) => name.startsWith("active_"));
        const before = current(context, model);
        const next = isRead ? before : checkBusyThresholds(merge(before, fields));
        if (!isRead) await thresholds.set(model, next);
        sendJson(exchange.response, 200, toRow(model, next));
      },
    },
  ];
}

function current({ models, thresholds, routing }: GatewayContext, model: string): BusyThresholds {
  const holder = models.known(model)?.thresholdHolders()[0];
  return holder?.thresholds ?? thresholds.get(model) ?? routing.settings.thresholds ?? noThresholds;
}

function merge(before: BusyThresholds, fields: Partial<z.infer<typeof Body>>): BusyThresholds {
  const pick = (value: number | null | undefined, old: number | null) =>
    value === undefined ? old : value;
  return {
    activeDecodeBlocks: pick(fields.active_decode_blocks_threshold, before.activeDecodeBlocks),
    activePrefillTokens: pick(fields.active_prefill_tokens_threshold, before.activePrefillTokens),
    activePrefillTokensFrac: pick(
      fields.active_prefill_tokens_threshold_frac,
      before.activePrefillTokensFrac,
    ),
  };
}

function toRow(model: string, thresholds: BusyThresholds) {
  return {
    model,
    active_decode_blocks_threshold: thresholds.activeDecodeBlocks,
    active_prefill_tokens_threshold: thresholds.activePrefillTokens,
    active_prefill_tokens_threshold_frac: thresholds.activePrefillTokensFrac,
  };
}
