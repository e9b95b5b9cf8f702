import { type NativeFlag, noticeFlags, refuseFlags } from "./native-flag.ts";

const oneProcess = "one process holds the whole model; start more workers to serve more.";
const noMeeting =
  "nodes of one worker have nothing to tell each other: node 0 holds the whole model.";
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
  ...refuseFlags("none", oneProcess, ["enable-prefill-cp"]),
  ...noticeFlags("none", "each rank of --dp-size has attention and weights of its own.", [
    "enable-dp-attention",
  ]),
  ...noticeFlags("one", noMeeting, ["dist-init-addr|nccl-init-addr", "dist-timeout", "nccl-port"]),
  ...noticeFlags(
    "one",
    "routers choose the rank; without one, a prefill goes by its room and the rest to the rank with the fewest requests.",
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
  ...refuseFlags("one", oneProcess, ["dwdp-size=1"]),
  ...noticeFlags("none", "it tunes a parallelism that is not there.", [
    "dcp-replicate-q-proj|no-dcp-replicate-q-proj",
    "enable-dsa-cache-layer-split",
    "enable-cp-decode-attn-tp",
    "enable-tp-lm-head-all-to-all|no-enable-tp-lm-head-all-to-all",
    "enable-attn-tp-input-scattered",
    "enable-shared-experts-attn-tp",
    "enable-dense-mlp-attn-tp",
    "disable-attn-tp-gather",
  ]),
  ...noticeFlags("none", noCollectives, [
    "enable-fused-moe-sum-all-reduce",
    "enable-scattered-sconv",
    "enable-quant-communications",
    "enforce-disable-flashinfer-allreduce-fusion",
    "enable-aiter-allreduce-fusion",
  ]),
  ...noticeFlags("none", noExperts, [
    "enable-w4a4-mxfp4-megamoe",
    "enable-elastic-expert-backup",
    "enable-waterfill",
    "elastic-ep-rejoin",
    "disable-flashinfer-cutlass-moe-fp4-allgather",
  ]),
  ...noticeFlags("one", noExperts, [
    "deepep-v2-mode",
    "flashinfer-mxfp4-moe-precision",
    "fuseep-mode",
    "deepep-dispatcher-output-dtype",
    "expert-balancedness-report-mode",
    "mooncake-ib-device",
    "elastic-ep-initial-size",
    "elastic-ep-scale-timeout",
  ]),
];
