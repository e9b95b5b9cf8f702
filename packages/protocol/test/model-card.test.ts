import { readFileSync } from "node:fs";
import {
  cardToChecksum,
  cardToWire,
  contentChecksum,
  type ModelCard,
  nameToSlug,
  type WireCard,
  wireToCard,
} from "@dyn/protocol";
import { expect, test } from "vitest";

const load = <T>(name: string): T =>
  JSON.parse(readFileSync(new URL(`./fixtures/${name}.json`, import.meta.url), "utf8")) as T;
const where = { endpoint: "dyn://demo.backend.generate", createdSeconds: 1 };

test.each(
  load<{ card: WireCard; mdcsum: string }[]>("mdcsum").map((entry, i) => [i, entry] as const),
)("the checksum of recorded card %i is the reference's", (_i, { card, mdcsum }) => {
  expect(cardToChecksum(card)).toBe(mdcsum);
});

test.each(["etcd-aggregated-mocker", "etcd-prefill-mocker", "etcd-decode-mocker"])(
  "the card in %s is read, and what we write of it reads the same and has the same sum",
  (name) => {
    const record = load<{ key: string; value_text: string }[]>(name).find(({ key }) =>
      key.startsWith("v1/mdc/"),
    );
    const recorded = (JSON.parse(record!.value_text) as { card_json: WireCard }).card_json;
    const card = wireToCard(recorded, where);
    const again = cardToWire(card);
    expect(wireToCard(again, where)).toEqual(card);
    const known = Object.keys(again).filter((key) => key in recorded);
    expect(known).toEqual(Object.keys(recorded).filter((key) => key in again));
    expect(again.tokenizer).toEqual(recorded.tokenizer);
    expect(cardToChecksum({ ...again, runtime_config: recorded.runtime_config })).toBe(
      cardToChecksum(recorded),
    );
  },
);

test("a model that is served with less context than it was made for says both", () => {
  const recorded = load<{ card: WireCard }[]>("mdcsum")[0]!.card;
  const card = {
    ...wireToCard(recorded, where),
    contextLength: 1024,
    architecturalContextLength: 4096,
  };
  const wire = cardToWire(card);
  expect(wire).toMatchObject({ architectural_max_context_length: 4096, context_length: 1024 });
  expect(wireToCard(wire, where)).toEqual(card);
  const { architecturalContextLength: _, ...plain } = card;
  expect(cardToWire(plain).architectural_max_context_length).toBe(1024);
  expect(cardToChecksum(cardToWire(plain))).toBe(cardToChecksum(wire));
});

test("a card without a needed field is refused by the field's name", () => {
  expect(() => wireToCard({ display_name: "x" }, where)).toThrow("kv_cache_block_size");
});

test("slugs keep a-z, digits, - and _", () => {
  expect(nameToSlug("Org/My Tiny-V1.5_x")).toBe("org_my_tiny-v1_5_x");
});

test("content sums are BLAKE3", () => {
  // The published test vector of the empty input.
  expect(contentChecksum(new Uint8Array(0))).toBe(
    "blake3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
  );
});

test("what a pair of workers must agree on goes through discovery, beside other facts", () => {
  const card: ModelCard = {
    displayName: "m",
    sourcePath: "",
    modelTypes: [],
    modelInput: "tokens",
    contextLength: 1024,
    kvCacheBlockSize: 16,
    endpoint: where.endpoint,
    created: where.createdSeconds,
    workerType: "prefill",
    runtimeConfig: {
      runtimeData: { disagg_prefill_cancel_anytime_v1: true },
      handOver: {
        protocolVersion: 1,
        transports: ["shm", "tcp"],
        kv: {
          format: "pool-head-token-dim",
          elementType: "float16",
          layerCount: 28,
          kvHeadCount: 8,
          headDim: 128,
          tensorParallelSize: 1,
          bytesPerToken: 114_688,
          pageSize: 16,
        },
      },
    },
  };
  const wire = JSON.parse(JSON.stringify(cardToWire(card)));
  expect(wire.runtime_config.runtime_data.disagg_prefill_cancel_anytime_v1).toBe(true);
  expect(wireToCard(wire, where).runtimeConfig?.handOver).toEqual(card.runtimeConfig?.handOver);
  expect(cardToChecksum(wire)).toBe(cardToChecksum(cardToWire({ ...card, runtimeConfig: {} })));
});

test("terms that cannot be read are none, and the card is served all the same", () => {
  const base = cardToWire({
    displayName: "m",
    sourcePath: "",
    modelTypes: ["chat"],
    modelInput: "tokens",
    contextLength: 1024,
    kvCacheBlockSize: 16,
    endpoint: where.endpoint,
    created: where.createdSeconds,
  });
  const read = (dyn_hand_over: unknown) =>
    wireToCard({ ...base, runtime_config: { runtime_data: { dyn_hand_over } } }, where)
      .runtimeConfig?.handOver;
  expect(read("later")).toBeUndefined();
  expect(read({ version: 0 })).toBeUndefined();
  expect(read({ version: 2, kv: { words: "new" } })).toEqual({
    protocolVersion: 2,
    transports: [],
    kv: null,
  });
});
