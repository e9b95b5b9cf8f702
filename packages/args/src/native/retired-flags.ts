import type { NativeFlag } from "./native-flag.ts";
import { noMedia } from "./no-media.ts";

const refuse = (flag: string, arity: NativeFlag["arity"], reason: string): NativeFlag => ({
  flag,
  verdict: "refuse",
  reason,
  arity,
});

/** Worker flags of earlier releases that nothing stands for any more. */
export const retiredWorkerFlags: readonly NativeFlag[] = [
  refuse("http-host", "one", "a worker has no HTTP server: give --http-host to dyn-frontend."),
  refuse("http-port", "one", "a worker has no HTTP server: give --http-port to dyn-frontend."),
  refuse(
    "multimodal-processor",
    "none",
    `${noMedia}; since 1.6 --enable-multimodal stands for it. Leave it out.`,
  ),
  refuse(
    "multimodal-encode-worker",
    "none",
    `${noMedia}; since 1.6 --disaggregation-mode encode stands for it. Leave it out.`,
  ),
  refuse(
    "multimodal-worker",
    "none",
    `${noMedia}; since 1.6 --enable-multimodal --dedicated-mm-encoder stands for it. Leave it out.`,
  ),
];

/** Frontend flags of earlier releases. */
export const retiredFrontendFlags: readonly NativeFlag[] = [
  {
    ...refuse(
      "admission-control",
      "one",
      "busy thresholds decide on admission: see --active-decode-blocks-threshold.",
    ),
    verdict: "notice",
  },
  refuse("decode-fallback", "none", "what a deployment needs follows from its workers' cards."),
  refuse(
    "router-durable-kv-events",
    "none",
    "events are not stored; a worker repeats what was missed.",
  ),
  refuse("router-reset-states", "none", "a router holds no state that outlives it."),
  refuse("router-snapshot-threshold", "one", "a router holds no state that outlives it."),
];
