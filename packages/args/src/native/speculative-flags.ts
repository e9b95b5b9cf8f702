import { type NativeFlag, noticeFlags, refuseFlags } from "./native-flag.ts";

const noDraft = "tokens are not speculated here: the promised speed would not come. Leave it out.";
const tuning = "it tunes speculation, and there is none here (--speculative-algorithm is refused).";

/** SGLang's speculative decoding: refused by its main switches, the rest has nothing to tune. */
export const speculativeFlags: readonly NativeFlag[] = [
  ...refuseFlags("one", noDraft, [
    "speculative-algorithm",
    "speculative-draft-model-path|speculative-draft-model",
    "decoupled-spec-role=null",
  ]),
  ...noticeFlags("one", tuning, [
    "speculative-draft-model-revision",
    "speculative-draft-load-format",
    "speculative-num-steps",
    "speculative-eagle-topk",
    "speculative-num-draft-tokens",
    "speculative-accept-threshold-single",
    "speculative-accept-threshold-acc",
    "speculative-token-map",
    "speculative-attention-mode",
    "speculative-draft-attention-backend",
    "speculative-draft-window-size",
    "speculative-draft-model-quantization",
    "speculative-moe-runner-backend",
    "speculative-moe-a2a-backend",
    "speculative-adaptive-config",
    "speculative-ngram-min-bfs-breadth",
    "speculative-ngram-max-bfs-breadth",
    "speculative-ngram-match-type",
    "speculative-ngram-max-trie-depth",
    "speculative-ngram-capacity",
    "speculative-ngram-external-corpus-path",
    "speculative-ngram-external-sam-budget",
    "speculative-ngram-external-corpus-max-tokens",
    "speculative-dflash-block-size",
    "speculative-dspark-block-size",
    "decoupled-spec-rank",
    "decoupled-spec-bind-endpoint",
  ]),
  ...noticeFlags("none", tuning, [
    "speculative-use-rejection-sampling",
    "speculative-adaptive",
    "enable-multi-layer-eagle",
    "speculative-skip-dp-mlp-sync",
  ]),
  ...noticeFlags("one", tuning, [
    "speculative-dspark-sps-table-path",
    "speculative-dspark-confidence-sts-path",
    "speculative-dsa-topk-backend",
    "speculative-draft-kv-cache-dtype",
    "spec-trace-dir",
    "decoupled-spec-connect-endpoints",
  ]),
  ...noticeFlags("none", tuning, ["speculative-dspark-align-verify-tokens-to-graph-tier"]),
];
