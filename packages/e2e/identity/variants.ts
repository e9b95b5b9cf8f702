// The deployments whose answers are compared with those of one aggregated worker.
import type { Variant } from "./deployment.ts";

const prefill = (...more: string[]) => ["--disaggregation-mode", "prefill", ...more];
const decode = (...more: string[]) => ["--disaggregation-mode", "decode", ...more];
const overTcp = ["--disaggregation-transport", "tcp"];

export const aggregated: Variant = { name: "one aggregated worker", workers: [[]] };

export const variants: readonly Variant[] = [
  { name: "aggregated, a second time", workers: [[]] },
  { name: "shared memory", workers: [prefill(), decode()] },
  { name: "TCP", workers: [prefill(...overTcp), decode(...overTcp)] },
  {
    name: "pages of 16 and 4, chunks of 64, TCP",
    workers: [
      prefill("--page-size", "16", "--chunked-prefill-size", "64", ...overTcp),
      decode("--page-size", "4", ...overTcp),
    ],
  },
  {
    name: "pages of 1 and 16, shared memory",
    workers: [prefill("--page-size", "1"), decode("--page-size", "16")],
  },
  {
    name: "5 % of hand-overs cut, TCP",
    workers: [prefill(...overTcp), decode(...overTcp)],
    cutShare: 0.05,
  },
  {
    name: "5 % of hand-overs cut, shared memory",
    workers: [prefill(), decode()],
    cutShare: 0.05,
  },
  {
    name: "2 prefill and 2 decode workers, mode kv",
    frontend: ["--router-mode", "kv"],
    workers: [prefill(), prefill(), decode(), decode()],
  },
  {
    name: "2 data-parallel ranks on both sides",
    workers: [prefill("--dp-size", "2"), decode("--dp-size", "2")],
  },
];
