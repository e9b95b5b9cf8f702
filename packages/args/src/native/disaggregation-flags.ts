import { type NativeFlag, noticeFlags, refuseFlags } from "./native-flag.ts";

const ownTransfer = "KV does not move by SGLang's back ends.";
const oneRole = "a worker prefills or decodes on one device, or does both by its scheduler.";

/** SGLang's disaggregation: transfer back ends have no meaning here, roles that are missing are refused. */
export const disaggregationFlags: readonly NativeFlag[] = [
  ...noticeFlags("one", ownTransfer, [
    "disaggregation-transfer-backend",
    "disaggregation-ib-device",
    "disaggregation-decode-polling-interval",
    "optimistic-prefill-attempts",
  ]),
  ...noticeFlags("none", "prefixes are always reused on decode workers too.", [
    "disaggregation-decode-enable-radix-cache",
  ]),
  ...refuseFlags("none", "KV is not stored away on decode workers.", [
    "disaggregation-decode-enable-offload-kvcache",
  ]),
  ...noticeFlags("one", "room for answers is kept by --schedule-conservativeness.", [
    "num-reserved-decode-tokens",
    "disaggregation-decode-extra-slots",
  ]),
  ...noticeFlags("none", "prefill requests are spread by the frontend.", [
    "prefill-round-robin-balance",
  ]),
  ...refuseFlags("none", "encode workers are chosen by --disaggregation-mode encode.", [
    "encoder-only",
    "language-only",
  ]),
  ...refuseFlags("many", "encode workers are found by discovery.", ["encoder-urls"]),
  ...noticeFlags("one", "encode workers are found by discovery.", [
    "encoder-transfer-backend",
    "encoder-bootstrap-port",
  ]),
  ...refuseFlags("none", oneRole, ["enable-pdmux"]),
  ...noticeFlags("one", oneRole, ["pdmux-config-path", "sm-group-num"]),
  ...noticeFlags("one", "KV of a retracted request is computed again.", [
    "disaggregation-decode-retraction-backup",
  ]),
  ...noticeFlags("none", "this engine reads text; requests with media are refused anyway.", [
    "language-model-only",
  ]),
  ...refuseFlags("many", "encode workers are found by discovery.", ["encoder-register-urls"]),
  ...refuseFlags("none", "encode workers are found by discovery.", [
    "enable-adaptive-dispatch-to-encoder",
  ]),
];
