import { type NativeFlag, noticeFlags } from "./native-flag.ts";

const ownKernels = "the ONNX runtime chooses its kernels.";
const noGraphs = "CUDA graphs belong to a GPU.";

/** SGLang's choices of GPU kernels and graphs: they change speed, not results. */
export const kernelFlags: readonly NativeFlag[] = [
  ...noticeFlags("one", ownKernels, [
    "attention-backend",
    "prefill-attention-backend",
    "decode-attention-backend",
    "sampling-backend",
    "mm-attention-backend",
    "mamba-backend",
    "linear-attn-backend",
    "linear-attn-decode-backend",
    "linear-attn-prefill-backend",
    "dsa-prefill-backend|nsa-prefill-backend",
    "dsa-decode-backend|nsa-decode-backend",
    "dsa-topk-backend|nsa-topk-backend",
    "dsa-paged-mqa-logits-backend|nsa-paged-mqa-logits-backend",
    "fp8-gemm-backend",
    "fp4-gemm-backend",
    "bf16-gemm-backend",
    "torch-compile-max-bs",
    "triton-attention-num-kv-splits",
    "triton-attention-split-tile-size",
  ]),
  ...noticeFlags("none", ownKernels, [
    "enable-torch-compile",
    "triton-attention-reduce-in-fp32",
    "enable-fused-qk-norm-rope",
    "flashinfer-mla-disable-ragged",
    "disable-flashinfer-autotune",
  ]),
  ...noticeFlags("one", noGraphs, [
    "cuda-graph-config",
    "cuda-graph-backend-decode",
    "cuda-graph-backend-prefill",
    "cuda-graph-max-bs-decode|cuda-graph-max-bs",
    "cuda-graph-max-bs-prefill",
    "cuda-graph-tc-compiler",
    "piecewise-cuda-graph-max-tokens",
    "piecewise-cuda-graph-compiler",
  ]),
  ...noticeFlags("many", noGraphs, [
    "cuda-graph-bs-decode|cuda-graph-bs",
    "cuda-graph-bs-prefill",
    "piecewise-cuda-graph-tokens",
  ]),
  ...noticeFlags("none", noGraphs, [
    "disable-cuda-graph",
    "disable-decode-cuda-graph",
    "disable-prefill-cuda-graph",
    "disable-cuda-graph-padding",
    "debug-cuda-graph",
    "enable-profile-cuda-graph",
    "enable-cudagraph-gc",
    "disable-piecewise-cuda-graph",
    "enforce-piecewise-cuda-graph",
    "enable-breakable-cuda-graph",
  ]),
  ...noticeFlags("one", ownKernels, [
    "dsv4-prefill-backend",
    "linear-attn-verify-backend",
    "linear-replayssm-cache-len",
  ]),
  ...noticeFlags("many", ownKernels, ["flashinfer-autotune-skip-ops"]),
  ...noticeFlags("none", ownKernels, [
    "enable-deepseek-v4-fp4-indexer",
    "enable-torch-compile-debug-mode",
    "enable-linear-replayssm",
    "enable-linear-replayssm-spec",
    "enable-layerwise-nvtx-marker",
  ]),
];
