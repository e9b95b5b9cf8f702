import type { RouterConcerns, SupportedOptions } from "@dyn/args";
import { settingOptions } from "@dyn/router";

/** The options that this router acts on; any other that is set is refused at start. */
export const supportedOptions: SupportedOptions<RouterConcerns> = {
  service: true,
  router: [
    ...settingOptions,
    "routerMode",
    "loadAware",
    "routerPolicyConfig",
    "routerPrefillPolicy",
    "routerDecodePolicy",
  ],
  runtime: true,
  system: true,
  process: true,
};
