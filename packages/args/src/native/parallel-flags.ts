import { type NativeFlag, noticeFlags, refuseFlags } from "./native-flag.ts";

const oneProcess = "one process holds the whole model; start more workers to serve more.";
const oneNode = "a worker is one process on one machine; start a worker on each.";
const noCollectives = "nothing is reduced between devices here.";
const noExperts = "it tunes experts over devices, and there is one device.";

/** SGLang's parallelism over devices and machines. */
export const parallelFlags: readonly NativeFlag[] = [
  ...refuseFlags("one", oneProcess, [
    "pp-size|pipeline-parallel-size=1",
    "ep-size|expert-parallel-size|ep=1",
    "dcp-size|decode-context-parallel-size=1",
    "attn-cp-size|attention-context-parallel-size=1",
    "moe-dp-size|moe-data-parallel-size=1",
    "moe-dense-tp-size=1",
    "max-ep-size",
    "elastic-ep-backend",
  ]),
  ...refuseFlags("none", oneProcess, ["enable-dp-attention", "enable-prefill-cp"]),
  ...refuseFlags("one", oneNode, ["nnodes=1", "node-rank=0"]),
  ...noticeFlags("one", oneNode, ["dist-init-addr|nccl-init-addr", "dist-timeout", "nccl-port"]),
  ...noticeFlags(
    "one",
    "there is one replica in a worker (--dp-size 1); frontends balance over workers.",
    ["load-balance-method"],
  ),
  ...noticeFlags("none", "it tunes attention over devices, and there is one device.", [
    "enable-dp-lm-head",
    "enable-dp-attention-local-control-broadcast",
  ]),
  ...noticeFlags("one", "it tunes a parallelism that is not there.", [
    "pp-max-micro-batch-size",
    "pp-async-batch-depth",
    "cp-strategy",
    "dcp-comm-backend",
    "tbo-token-distribution-threshold",
    "elastic-ep-join-mode",
    "elastic-ep-join-rank-offset",
  ]),
  ...noticeFlags("none", noCollectives, [
    "disable-custom-all-reduce",
    "enable-mscclpp",
    "enable-torch-symm-mem",
    "enable-symm-mem",
    "enable-nccl-nvls",
    "pre-warm-nccl",
    "enable-p2p-check",
    "enable-flashinfer-allreduce-fusion",
    "enable-two-batch-overlap",
    "enable-single-batch-overlap",
  ]),
  ...noticeFlags("one", noCollectives, ["flashinfer-allreduce-fusion-backend"]),
  ...noticeFlags("one", noExperts, [
    "moe-a2a-backend",
    "moe-runner-backend",
    "deepep-mode",
    "deepep-config",
    "ep-num-redundant-experts",
    "ep-dispatch-algorithm",
    "init-expert-location",
    "eplb-algorithm",
    "eplb-rebalance-num-iterations",
    "eplb-rebalance-layers-per-chunk",
    "eplb-min-rebalancing-utilization-threshold",
    "expert-distribution-recorder-mode",
    "expert-distribution-recorder-buffer-size",
  ]),
  ...noticeFlags("none", noExperts, [
    "enable-eplb",
    "enable-expert-distribution-metrics",
    "disable-shared-experts-fusion",
    "enforce-shared-experts-fusion",
  ]),
  ...refuseFlags("one", "experts are not computed by ktransformers.", [
    "kt-weight-path",
    "kt-method",
    "kt-cpuinfer",
    "kt-threadpool-count",
    "kt-num-gpu-experts",
    "kt-max-deferred-experts-per-token",
  ]),
];
