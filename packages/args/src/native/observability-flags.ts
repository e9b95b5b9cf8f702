import { type NativeFlag, noticeFlags, refuseFlags } from "./native-flag.ts";

const always =
  "metrics are always kept; the system server (DYN_SYSTEM_PORT) and the frontend show them.";
const ownBuckets = "histograms have buckets of their own.";
const ownLog = "the log is set by DYN_LOG.";

/** SGLang's logs, metrics, traces and debug outputs. */
export const observabilityFlags: readonly NativeFlag[] = [
  ...noticeFlags("none", always, [
    "enable-metrics",
    "enable-metrics-for-all-schedulers",
    "enable-mfu-metrics",
    "enable-request-time-stats-logging",
  ]),
  ...noticeFlags("one", always, [
    "tokenizer-metrics-custom-labels-header",
    "decode-log-interval",
    "load-snapshot-publish-interval",
    "gc-warning-threshold-secs",
  ]),
  ...noticeFlags("many", always, ["tokenizer-metrics-allowed-custom-labels"]),
  ...noticeFlags("one", "metrics have the labels of the deployment.", ["extra-metric-labels"]),
  ...noticeFlags("many", ownBuckets, [
    "bucket-time-to-first-token",
    "bucket-inter-token-latency",
    "bucket-e2e-request-latency",
    "prompt-tokens-buckets",
    "generation-tokens-buckets",
  ]),
  ...noticeFlags("none", "histograms of tokens are always kept.", ["collect-tokens-histogram"]),
  ...noticeFlags("none", ownLog, ["log-requests"]),
  ...noticeFlags("one", ownLog, ["log-requests-level", "log-requests-format", "crash-dump-folder"]),
  ...noticeFlags("many", ownLog, ["log-requests-target"]),
  ...noticeFlags("none", "metrics of forward passes are chosen by --fpm-trace.", [
    "enable-forward-pass-metrics",
  ]),
  ...noticeFlags("none", "traces are chosen by OTEL_EXPORT_ENABLED.", ["enable-trace"]),
  ...noticeFlags("one", "traces are chosen by OTEL_EXPORT_ENABLED.", [
    "trace-modules",
    "otlp-traces-endpoint",
  ]),
  ...refuseFlags("none", "no file of requests would be written.", ["export-metrics-to-file"]),
  ...noticeFlags("one", "no file of requests is written (--export-metrics-to-file is refused).", [
    "export-metrics-to-file-dir",
  ]),
  ...refuseFlags("one", "nothing would be dumped or hooked: the graph is closed.", [
    "forward-hooks",
    "debug-tensor-dump-output-folder",
    "debug-tensor-dump-input-file",
    "msprobe-dump-config",
  ]),
  ...refuseFlags("many", "nothing would be dumped or hooked: the graph is closed.", [
    "debug-tensor-dump-layers",
  ]),
  ...refuseFlags("none", "nothing would be dumped or hooked: the graph is closed.", [
    "debug-tensor-dump-inject",
  ]),
  ...refuseFlags("one", "the pages hold no canaries.", ["kv-canary=none"]),
  ...noticeFlags("none", always, ["show-time-cost"]),
  ...noticeFlags("one", "metrics of forward passes are chosen by --fpm-trace.", [
    "forward-pass-metrics-worker-id",
    "forward-pass-metrics-ipc-name",
  ]),
  ...noticeFlags("one", "the pages hold no canaries (--kv-canary is refused).", [
    "kv-canary-real-data",
    "kv-canary-sweep-interval",
  ]),
];
