import { z } from "zod";
import { option } from "../option/option-meta.ts";

const group = "Mock engine";

/** Timing and size of the mock engine (`--engine mock`): it schedules for real and computes nothing. */
export const mockOptions = z.object({
  prefillUsPerToken: option("Microseconds to prefill a token.", z.number().min(0).default(100), {
    env: "DYN_MOCK_PREFILL_US_PER_TOKEN",
    flag: "mock-prefill-us-per-token",
    group,
  }),
  decodeMsPerStep: option(
    "Milliseconds of a decode step, whatever its batch.",
    z.number().min(0).default(5),
    {
      env: "DYN_MOCK_DECODE_MS_PER_STEP",
      flag: "mock-decode-ms-per-step",
      group,
    },
  ),
  decodeUsPerSequence: option(
    "Microseconds that each sequence adds to a decode step.",
    z.number().min(0).default(0),
    {
      env: "DYN_MOCK_DECODE_US_PER_SEQUENCE",
      flag: "mock-decode-us-per-sequence",
      group,
    },
  ),
  kvBytesPerToken: option(
    "Bytes of KV that a token pretends to have, for hand-over between workers.",
    z.number().int().min(0).default(0),
    {
      env: "DYN_MOCK_KV_BYTES_PER_TOKEN",
      flag: "mock-kv-bytes-per-token",
      group,
    },
  ),
  kvGigabytesPerSecond: option(
    "How fast KV goes from worker to worker; without it, hand-over takes no time.",
    z.number().gt(0).optional(),
    {
      env: "DYN_MOCK_KV_GIGABYTES_PER_SECOND",
      flag: "mock-kv-gigabytes-per-second",
      group,
    },
  ),
  pageCount: option("Pages of KV.", z.number().int().min(1).default(16_384), {
    env: "DYN_MOCK_PAGE_COUNT",
    flag: "mock-page-count",
    group,
  }),
});
