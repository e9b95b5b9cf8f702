import { type NativeFlag, noticeFlags, refuseFlags } from "./native-flag.ts";

const noLora = "there are no LoRA adapters here; merge the adapter into the weights.";
const noLoraYet = "it tunes LoRA adapters, and there are none here (--enable-lora is refused).";
const noFormat = "weights are safetensors, computed in float32 or by --quantization q8.";

/** How a model is read: SGLang's flags for model, tokenizer, weights, quantization and LoRA. */
export const modelFlags: readonly NativeFlag[] = [
  ...noticeFlags("none", "no code that comes with a model is ever run.", ["trust-remote-code"]),
  ...noticeFlags("one", "there is one tokenizer implementation, fast and exact.", [
    "tokenizer-mode",
    "tokenizer-backend",
  ]),
  ...noticeFlags("one", "tokenizing happens on threads of its own, as many as it needs.", [
    "tokenizer-worker-num",
    "detokenizer-worker-num",
  ]),
  ...noticeFlags("none", "tokenizing happens on threads of its own, as many as it needs.", [
    "enable-dynamic-batch-tokenizer",
    "enable-tokenizer-batch-encode",
    "disable-tokenizer-batch-decode",
  ]),
  ...noticeFlags("one", "tokenizing happens on threads of its own, as many as it needs.", [
    "dynamic-batch-tokenizer-batch-size",
    "dynamic-batch-tokenizer-batch-timeout",
  ]),
  ...noticeFlags("one", "there is one model implementation per architecture.", [
    "model-impl",
    "model-config-parser",
  ]),
  ...refuseFlags("one", "config.json is taken as it is; change a copy of it.", [
    "json-model-override-args={}",
  ]),
  ...noticeFlags("one", "weights are mapped from their files as they are needed.", [
    "model-loader-extra-config",
    "weight-loader-prefetch-num-threads",
  ]),
  ...noticeFlags("none", "weights are mapped from their files as they are needed.", [
    "weight-loader-disable-mmap",
    "weight-loader-prefetch-checkpoints",
    "weight-loader-drop-cache-after-load",
  ]),
  ...refuseFlags("many", "weights are read by the one loader there is.", ["custom-weight-loader"]),
  ...refuseFlags("optional", "nothing would check the files; check them before the start.", [
    "model-checksum",
  ]),
  ...refuseFlags(
    "one",
    "requests that need it would be rendered with the wrong template; give a file to --chat-template.",
    ["hf-chat-template-name", "completion-template"],
  ),
  ...refuseFlags(
    "one",
    "its values would not reach the template; a request carries chat_template_kwargs.",
    ["default-chat-template-kwargs={}"],
  ),
  ...refuseFlags("one", "requests would not get these defaults; send them with each request.", [
    "preferred-sampling-params={}",
  ]),
  ...refuseFlags("one", "sampling defaults come from the model's generation_config.json.", [
    "sampling-defaults=model",
  ]),
  ...refuseFlags(
    "none",
    "a causal model is not served as an embedder; --embedding-worker serves embedding models.",
    ["is-embedding"],
  ),
  ...refuseFlags("one", noFormat, [
    "quantization-param-path",
    "modelopt-quant",
    "modelopt-checkpoint-restore-path",
    "modelopt-checkpoint-save-path",
    "modelopt-export-path",
    "rl-quant-profile",
    "torchao-config",
  ]),
  ...refuseFlags("none", noFormat, ["quantize-and-serve"]),
  ...noticeFlags("none", "logits are float32 already.", ["enable-fp32-lm-head"]),
  ...noticeFlags("none", "TF32 is a GPU's number format.", ["enable-tf32-matmul"]),
  ...refuseFlags("none", noLora, ["enable-lora"]),
  ...refuseFlags("many", noLora, ["lora-paths"]),
  ...noticeFlags("one", noLoraYet, [
    "max-lora-rank",
    "max-loras-per-batch",
    "max-loaded-loras",
    "lora-eviction-policy",
    "lora-backend",
    "max-lora-chunk-size",
    "lora-drain-wait-threshold",
  ]),
  ...noticeFlags("many", noLoraYet, ["lora-target-modules"]),
  ...noticeFlags("none", noLoraYet, ["enable-lora-overlap-loading", "lora-strict-loading"]),
  ...refuseFlags("none", "weights are not pushed into a running engine.", [
    "checkpoint-engine-wait-weights-before-ready",
  ]),
  ...refuseFlags("one", "weights are read from files, not from another instance or a daemon.", [
    "remote-instance-weight-loader-seed-instance-ip",
    "remote-instance-weight-loader-seed-instance-service-port",
    "remote-instance-weight-loader-send-weights-group-ports",
    "remote-instance-weight-loader-backend",
    "weight-cache-mode=off",
  ]),
  ...refuseFlags("none", "weights are read from files, not from another instance or a daemon.", [
    "remote-instance-weight-loader-start-seed-via-transfer-engine",
  ]),
  ...noticeFlags("one", "it tunes the weight daemon, and there is none here.", [
    "weight-cache-socket",
    "weight-cache-timeout",
  ]),
  ...noticeFlags("none", noLoraYet, [
    "experts-shared-outer-loras|no-experts-shared-outer-loras",
    "lora-use-virtual-experts",
    "no-lora-strict-loading",
  ]),
  ...refuseFlags("one", "weights are read from files, not from another instance or a daemon.", [
    "modelexpress-config",
  ]),
  ...noticeFlags("one", "it serves weights to other instances, and nobody asks for them.", [
    "engine-info-bootstrap-port",
  ]),
  ...noticeFlags("one", "weights are mapped from their files as they are needed.", [
    "startup-weight-load-mode",
  ]),
  ...refuseFlags("none", "model files are never deleted; delete them yourself.", [
    "delete-ckpt-after-loading",
  ]),
  ...refuseFlags("one", "models are not decrypted; decrypt the files before the start.", [
    "decrypted-config-file",
    "decrypted-draft-config-file",
  ]),
];
