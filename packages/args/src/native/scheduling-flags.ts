import { type NativeFlag, noticeFlags, refuseFlags } from "./native-flag.ts";

const ownLoop = "the scheduler here plans every step anew and never pads decodes to a prefill.";

/** SGLang's scheduler and runtime flags that the scheduler here has no use for. */
export const schedulingFlags: readonly NativeFlag[] = [
  ...noticeFlags("none", ownLoop, [
    "disable-overlap-schedule",
    "enable-mixed-chunk",
    "enable-dynamic-chunking",
    "enable-prefill-delayer",
  ]),
  ...noticeFlags("one", ownLoop, [
    "num-continuous-decode-steps",
    "scheduler-recv-interval",
    "prefill-decode-interval",
    "prefill-delayer-max-delay-passes",
    "prefill-delayer-token-usage-low-watermark",
    "min-free-slots-delay",
  ]),
  ...refuseFlags(
    "one",
    "prefill batches are bounded by --max-prefill-tokens and --max-running-requests.",
    ["prefill-max-requests"],
  ),
  ...refuseFlags(
    "none",
    "a higher priority is always the more urgent one; negate the values in the client.",
    ["schedule-low-priority-values-first"],
  ),
  ...noticeFlags("one", "there is no GPU here.", [
    "base-gpu-id",
    "gpu-id-step",
    "soft-watchdog-timeout",
  ]),
  ...noticeFlags("many", "the operating system places threads; use numactl.", ["numa-node"]),
  ...noticeFlags("none", "an idle engine sleeps anyway.", ["sleep-on-idle"]),
  ...refuseFlags("none", "processes are started by you, not by Ray.", ["use-ray"]),
  ...noticeFlags("one", "weights are in host memory anyway.", [
    "cpu-offload-gb",
    "offload-group-size",
    "offload-num-in-group",
    "offload-prefetch-step",
    "offload-mode",
  ]),
  ...refuseFlags(
    "none",
    "kernels are not the same for every batch, so that last digits may differ; a seed repeats the sampling only.",
    ["enable-deterministic-inference"],
  ),
  ...refuseFlags("one", "numbers are not matched to a trainer's.", ["rl-on-policy-target"]),
  ...refuseFlags("none", "code that comes with a request is never run.", [
    "enable-custom-logit-processor",
  ]),
  ...refuseFlags("none", "the engine does not give these outputs.", [
    "enable-return-hidden-states",
    "enable-return-routed-experts",
    "enable-return-indexer-topk",
    "enable-mis",
  ]),
  ...refuseFlags("one", "there are no language diffusion models here.", ["dllm-algorithm"]),
  ...noticeFlags("one", "it tunes language diffusion, and there is none here.", [
    "dllm-algorithm-config",
  ]),
  ...noticeFlags("none", "it tunes language diffusion, and there is none here.", [
    "dllm-fdfo|no-dllm-fdfo",
  ]),
  ...noticeFlags("none", "it sets GPU memory apart, and there is no GPU here.", [
    "enable-memory-saver",
    "enable-weights-cpu-backup",
    "enable-draft-weights-cpu-backup",
  ]),
  ...noticeFlags("many", ownLoop, [
    "prefill-delayer-forward-passes-buckets",
    "prefill-delayer-wait-seconds-buckets",
  ]),
  ...noticeFlags("one", ownLoop, [
    "prefill-delayer-queue-min-ratio",
    "prefill-delayer-max-delay-ms",
  ]),
  ...refuseFlags("one", "the engine does not give these outputs.", ["return-hidden-states-mode"]),
  ...noticeFlags("one", "there is no NPU here.", ["c128-page-size"]),
  ...noticeFlags("none", "there is no Apple GPU here.", ["mlx-enable-sampling"]),
  ...noticeFlags("many", "memory is collected by Node.js.", ["gc-threshold"]),
];
