import { type NativeFlag, noticeFlags, refuseFlags } from "./native-flag.ts";

const noServer = "a worker has no HTTP server of its own; dyn-frontend has the one that users see.";
const unguarded =
  "a worker has no HTTP server of its own, so it would guard nothing; put it before dyn-frontend.";
const oneGrammar = "there is one grammar engine.";

/** SGLang's own HTTP server and its OpenAI room: the frontend's part here. */
export const serverFlags: readonly NativeFlag[] = [
  ...noticeFlags("one", noServer, [
    "fastapi-root-path",
    "warmups",
    "grpc-port",
    "smg-http-sidecar-port|grpc-http-sidecar-port",
    "sidecar",
    "sidecar-args",
    "file-storage-path",
    "asr-max-buffer-seconds",
    "asr-max-concurrent-sessions",
    "gated-launch-port",
    "http2-max-concurrent-streams",
    "log-level-http",
    "batch-notify-size",
  ]),
  ...noticeFlags("many", noServer, ["uvicorn-access-log-exclude-prefixes"]),
  ...noticeFlags("none", noServer, [
    "skip-server-warmup",
    "smg-grpc-mode|grpc-mode",
    "enable-http2",
  ]),
  ...refuseFlags("one", unguarded, ["api-key", "admin-api-key"]),
  ...refuseFlags(
    "one",
    "a worker has no HTTP server of its own; dyn-frontend has --tls-cert-path and --tls-key-path.",
    ["ssl-keyfile", "ssl-certfile", "ssl-ca-certs", "ssl-keyfile-password"],
  ),
  ...noticeFlags("none", noServer, ["enable-ssl-refresh"]),
  ...noticeFlags("none", "cached tokens are always counted in the usage.", ["enable-cache-report"]),
  ...noticeFlags("none", "answers always travel in pieces that hold only what is new.", [
    "incremental-streaming-output|stream-output",
  ]),
  ...refuseFlags("none", "usage is the frontend's: set DYN_ENABLE_FORCE_INCLUDE_USAGE=1 there.", [
    "stream-response-default-include-usage",
  ]),
  ...refuseFlags("one", "tools are run by the client.", ["tool-server"]),
  ...refuseFlags(
    "none",
    "cached prefixes hold thinking too; --disable-radix-cache caches nothing.",
    ["strip-thinking-cache"],
  ),
  ...refuseFlags("none", "no tokens are forbidden while a model thinks.", [
    "enable-strict-thinking",
  ]),
  ...refuseFlags("none", "a prompt that is too long is an error; shorten it in the client.", [
    "allow-auto-truncate",
  ]),
  ...refuseFlags(
    "none",
    "requests have no sessions here; equal beginnings are reused without them.",
    ["enable-streaming-session", "enable-session-radix-cache"],
  ),
  ...refuseFlags("one", `${oneGrammar} Leave the flag out.`, [
    "grammar-backend=xgrammar|llguidance|outlines",
  ]),
  ...refuseFlags("one", "white space in JSON answers is the grammar's.", [
    "constrained-json-whitespace-pattern",
  ]),
  ...refuseFlags("none", "white space in JSON answers is the grammar's.", [
    "constrained-json-disable-any-whitespace",
  ]),
  ...refuseFlags("many", "media are fetched by the frontend under its own rules.", [
    "allowed-media-domains",
  ]),
  ...refuseFlags(
    "one",
    "media are fetched by the frontend under its own rules (DYN_MM_MAX_DATA_URL_MB).",
    ["media-url-max-file-size-mb"],
  ),
  ...noticeFlags("none", oneGrammar, ["disable-outlines-disk-cache"]),
];
