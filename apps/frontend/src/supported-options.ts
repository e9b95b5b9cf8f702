import type { FrontendConcerns, SupportedOptions } from "@dyn/args";

/** The options that this frontend acts on; any other that is set is refused at start. */
export const supportedOptions: SupportedOptions<FrontendConcerns> = {
  http: ["host", "port", "bodyLimitMb", "gracefulShutdownTimeoutSecs"],
  frontend: [],
  runtime: [
    "discoveryBackend",
    "requestPlane",
    "responsePlane",
    "fileKv",
    "etcdEndpoints",
    "etcdLeaseTtl",
    "etcdAuthUsername",
    "etcdAuthPassword",
    "etcdAuthCa",
    "etcdAuthClientCert",
    "etcdAuthClientKey",
  ],
  router: ["routerMode"],
  process: ["dynLog", "loggingJsonl", "disableAnsiLogging"],
};
