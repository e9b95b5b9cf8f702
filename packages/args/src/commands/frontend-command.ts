import { ArgsError } from "../args-error.ts";
import type { Command, PrintArgs, RunArgs } from "../command/command.ts";
import { defineCommand } from "../command/define-command.ts";
import { conflictError, deriveValue, isGiven, nameOption } from "../command/derive-value.ts";
import { doorOptions } from "../concerns/door-options.ts";
import { frontendOptions } from "../concerns/frontend-options.ts";
import { httpOptions } from "../concerns/http-options.ts";
import { processOptions } from "../concerns/process-options.ts";
import { routerOptions } from "../concerns/router-options.ts";
import { runtimeOptions } from "../concerns/runtime-options.ts";
import { retiredFrontendFlags } from "../native/retired-flags.ts";
import { type ParseOptions, parseArgs } from "../parse/parse-args.ts";
import { programVersion } from "../program-version.ts";

const concerns = {
  http: httpOptions,
  door: doorOptions,
  frontend: frontendOptions,
  runtime: runtimeOptions,
  router: routerOptions,
  process: processOptions,
};
export type FrontendConcerns = typeof concerns;

/** Flags, variables and help of dyn-frontend; for `parseArgs`. */
export const frontendCommand: Command<FrontendConcerns> = defineCommand({
  name: "dyn-frontend",
  summary: "The OpenAI-compatible front of a deployment: tokenizes, routes, answers.",
  version: programVersion,
  concerns,
  nativeFlags: retiredFrontendFlags,
});

export type FrontendArgs = RunArgs<FrontendConcerns>;

/** Reads the options of a frontend and checks them against each other. Throws ArgsError. */
export function parseFrontendArgs(options: Omit<ParseOptions, "finish">): FrontendArgs | PrintArgs {
  return parseArgs(frontendCommand, { ...options, finish: checkFrontend });
}

function checkFrontend(args: FrontendArgs): FrontendArgs {
  const { http, frontend, router } = args.values;
  if ((http.tlsCertPath === undefined) !== (http.tlsKeyPath === undefined)) {
    const [given, missing] =
      http.tlsCertPath === undefined
        ? ["tlsKeyPath", "--tls-cert-path"]
        : ["tlsCertPath", "--tls-key-path"];
    throw new ArgsError("CONFLICT", `${nameOption(args, "http", given)} needs ${missing}.`, {
      flag: missing,
    });
  }
  if (http.tlsClientCaCertPath !== undefined && http.tlsCertPath === undefined) {
    throw new ArgsError(
      "CONFLICT",
      `${nameOption(args, "http", "tlsClientCaCertPath")} needs --tls-cert-path and --tls-key-path: without HTTPS no client shows a certificate.`,
      { flag: "--tls-client-ca-cert-path" },
    );
  }
  if (frontend.dynChatProcessor !== "sglang") {
    for (const field of ["toolCallParser", "reasoningParser", "chatTemplate"]) {
      if (isGiven(args, "frontend", field)) {
        throw new ArgsError(
          "CONFLICT",
          `${nameOption(args, "frontend", field)} needs --dyn-chat-processor sglang; with the ${frontend.dynChatProcessor} processor the worker's card names its parsers (--dyn-tool-call-parser, --dyn-reasoning-parser, --custom-jinja-template of dyn-worker).`,
          { flag: field },
        );
      }
    }
  }
  if (router.loadAware) {
    if (isGiven(args, "router", "routerMode") && router.routerMode !== "kv") {
      throw conflictError(
        args,
        ["router", "loadAware"],
        ["router", "routerMode"],
        "load-aware routing is the mode kv.",
      );
    }
    return deriveValue(args, "router", "routerMode", "kv", "--load-aware");
  }
  return args;
}
