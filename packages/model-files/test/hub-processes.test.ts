import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { FakeHub } from "./fake-hub.ts";
import { encodeSafetensors } from "./safetensors-file.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

const program = `
  import { resolveModel } from "@dyn/model-files";
  console.log((await resolveModel("org/name", { progress: null })).path);
`;

test("two processes that want the same model download each file once", async () => {
  const weights = encodeSafetensors([{ name: "a", dtype: "U8", shape: [2_000_000] }]);
  const hub = new FakeHub({ "config.json": "{}", "model.safetensors": weights });
  // Long enough that both want the weights at the same time.
  hub.misbehave = ({ request, response }) => {
    if (request.host !== "storage") return false;
    response.writeHead(200, { "content-length": String(weights.length) });
    response.write(weights.subarray(0, 1_000_000));
    setTimeout(() => response.end(weights.subarray(1_000_000)), 1500);
    return true;
  };
  await hub.listen();
  onTestFinished(() => hub.close());
  const home = temporaryDirectory();
  const start = () =>
    promisify(execFile)(
      process.execPath,
      ["--conditions=@dyn/source", "--import", "tsx", "--input-type=module", "--eval", program],
      {
        cwd: join(import.meta.dirname, ".."),
        env: { ...process.env, HF_HOME: home, HF_ENDPOINT: hub.endpoint },
      },
    );
  const [one, two] = await Promise.all([start(), start()]);
  expect(one.stdout).toBe(two.stdout);
  expect(readFileSync(join(one.stdout.trim(), "model.safetensors"))).toEqual(weights);
  expect(hub.requests.filter((request) => request.host === "storage")).toHaveLength(1);
});
