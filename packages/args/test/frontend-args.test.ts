import { type FrontendArgs, parseFrontendArgs } from "@dyn/args";
import { describe, expect, test } from "vitest";
import { caught } from "./caught.ts";

function frontend(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): FrontendArgs {
  const args = parseFrontendArgs({ argv, env });
  if (args.action !== "run") throw new Error("The command printed instead of running.");
  return args;
}

describe("a frontend's options", () => {
  test("address and port by flag and by variable", () => {
    expect(frontend([]).values.http).toMatchObject({ host: "0.0.0.0", port: 8000 });
    expect(frontend([], { DYN_HTTP_HOST: "::1", DYN_HTTP_PORT: "9000" }).values.http).toMatchObject(
      { host: "::1", port: 9000 },
    );
    expect(frontend(["--http-port=0"], { DYN_HTTP_PORT: "9000" }).values.http.port).toBe(0);
  });

  test("thresholds take None", () => {
    const { router } = frontend(["--active-decode-blocks-threshold", "None"], {
      DYN_ACTIVE_PREFILL_TOKENS_THRESHOLD: "None",
    }).values;
    expect(router).toMatchObject({
      activeDecodeBlocksThreshold: null,
      activePrefillTokensThreshold: null,
    });
    expect(
      frontend(["--active-decode-blocks-threshold", "0.85"]).values.router
        .activeDecodeBlocksThreshold,
    ).toBe(0.85);
  });

  test("the request plane over HTTP is refused with what to use instead", () => {
    expect(caught(() => frontend(["--request-plane", "http"])).message).toBe(
      '--request-plane cannot be "http". The request plane over HTTP is retired: use tcp, which needs no server either.',
    );
  });

  test("load-aware routing is the mode kv", () => {
    const { values, sources } = frontend(["--load-aware"]);
    expect(values.router.routerMode).toBe("kv");
    expect(sources.router.routerMode).toEqual({ kind: "derived", detail: "--load-aware" });
  });

  test("extensions by repeated flags or a variable", () => {
    const expected = ["a", "b:c"];
    expect(
      frontend(["--frontend-route-extension", "a", "--frontend-route-extension", "b:c"]).values
        .frontend.frontendRouteExtension,
    ).toEqual(expected);
    expect(
      frontend([], { DYN_FRONTEND_ROUTE_EXTENSIONS: "a b:c" }).values.frontend
        .frontendRouteExtension,
    ).toEqual(expected);
  });

  test.each<[string[], string]>([
    [["--enforce-disagg"], "--enforce-disagg is accepted"],
    [["--admission-control", "x"], "--admission-control is accepted"],
    [["--trust-remote-code"], "--trust-remote-code is accepted"],
    [["--no-kv-events"], "--no-kv-events is an old name: use --no-router-kv-events."],
  ])("%j is named once", (argv, sentence) => {
    expect(frontend(argv).notices).toEqual([expect.stringContaining(sentence)]);
  });

  test.each<[string[], Record<string, string>, string[]]>([
    [["--http-port", "65536"], {}, ["--http-port", "65536", "from 0 to 65535"]],
    [[], { DYN_HTTP_PORT: "http" }, ["--http-port", "http", "DYN_HTTP_PORT"]],
    [["--tls-cert-path", "c"], {}, ["--tls-cert-path", "--tls-key-path"]],
    [["--tls-key-path", "c"], {}, ["--tls-cert-path", "--tls-key-path"]],
    [["--tls-client-ca-cert-path", "c"], {}, ["--tls-client-ca-cert-path", "--tls-cert-path"]],
    [
      ["--tool-call-parser", "x"],
      {},
      ["--tool-call-parser", "--dyn-chat-processor sglang", "--dyn-tool-call-parser"],
    ],
    [["--load-aware", "--router-mode", "random"], {}, ["--load-aware", "--router-mode"]],
    [["--router-mod", "kvv"], {}, ["kvv", "kv"]],
    [["--active-decode-blocks-threshold", "1.5"], {}, ["from 0 to 1"]],
    [["--decode-fallback"], {}, ["--decode-fallback"]],
    [[], { DYN_PARSER_VERSION: "3" }, ["DYN_PARSER_VERSION", "1, 2, auto"]],
    [["--router-conditional-disagg-config", '{"polcy":"x"}'], {}, ["polcy"]],
  ])("%j %j is refused", (argv, env, parts) => {
    const error = caught(() => frontend(argv, env));
    for (const part of parts) expect(error.message).toContain(part);
  });
});
