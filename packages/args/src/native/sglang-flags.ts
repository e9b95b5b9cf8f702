import { cacheFlags } from "./cache-flags.ts";
import { disaggregationFlags } from "./disaggregation-flags.ts";
import { kernelFlags } from "./kernel-flags.ts";
import { modelFlags } from "./model-flags.ts";
import type { NativeFlag } from "./native-flag.ts";
import { observabilityFlags } from "./observability-flags.ts";
import { parallelFlags } from "./parallel-flags.ts";
import { schedulingFlags } from "./scheduling-flags.ts";
import { serverFlags } from "./server-flags.ts";
import { speculativeFlags } from "./speculative-flags.ts";

/** Native flags of SGLang 0.5.21 that the engine here does not implement, with what becomes of each. */
export const sglangFlags: readonly NativeFlag[] = [
  ...modelFlags,
  ...serverFlags,
  ...schedulingFlags,
  ...cacheFlags,
  ...observabilityFlags,
  ...parallelFlags,
  ...kernelFlags,
  ...speculativeFlags,
  ...disaggregationFlags,
];
