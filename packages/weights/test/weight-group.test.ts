// Both sides over real sockets, and a trainer that is not ours.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { freePort } from "@dyn/testing";
import {
  createWeightSender,
  joinWeightGroup,
  type SentTensor,
  type WeightGroup,
  type WeightSender,
} from "@dyn/weights";
import { afterEach, expect, test } from "vitest";

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const it of opened.splice(0).reverse()) await it.close();
});

const signal = () => AbortSignal.timeout(60_000);

async function listen(options: Partial<Parameters<typeof createWeightSender>[0]> = {}) {
  const sender = await createWeightSender({ worldSize: 2, ...options });
  opened.push(sender);
  return sender;
}

async function join(
  { port }: Pick<WeightSender, "port">,
  options: object = {},
): Promise<WeightGroup> {
  const group = await joinWeightGroup({
    host: "127.0.0.1",
    port,
    group: "weight_update_group",
    rank: 1,
    worldSize: 2,
    signal: signal(),
    ...options,
  });
  opened.push(group);
  return group;
}

function tensor(name: string, dtype: string, shape: number[], seed: number): SentTensor {
  const size = shape.reduce((a, b) => a * b, dtype.endsWith("32") ? 4 : 2);
  const data = Uint8Array.from({ length: size }, (_, i) => (i * 31 + seed) % 251);
  return { name, dtype, shape, data };
}

/** Instead of the bytes: a matcher takes seconds over megabytes. */
function summaryOf(data: Uint8Array): string {
  return `${data.length} bytes, ${createHash("sha256").update(data).digest("hex")}`;
}

/** As any reader of safetensors does. */
function readFile(file: Uint8Array) {
  const end = 8 + Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(Buffer.from(file.subarray(8, end)).toString()) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  return Object.entries(header).map(
    ([
      name,
      {
        dtype,
        shape,
        data_offsets: [from, to],
      },
    ]) => ({
      name,
      dtype,
      shape,
      data: summaryOf(file.subarray(end + from, end + to)),
    }),
  );
}

const tensors = [
  tensor("model.norm.weight", "float32", [96], 1),
  // Larger than what sockets hold.
  tensor("model.embed_tokens.weight", "bfloat16", [2048, 1024], 2),
  tensor("lm_head.weight", "torch.float16", [3, 5], 3),
];
const read = ["F32", "BF16", "F16"].map((dtype, i) => {
  const { name, shape, data } = tensors[i]!;
  return { name, dtype, shape, data: summaryOf(data) };
});

test("every engine of the group gets every tensor, again and again", async () => {
  const sender = await listen({ worldSize: 3 });
  const groups = await Promise.all([
    join(sender, { worldSize: 3 }),
    join(sender, { worldSize: 3, rank: 2 }),
  ]);
  await sender.joined({ signal: signal() });
  for (let round = 0; round < 3; round++) {
    const [, ...files] = await Promise.all([
      sender.send(tensors, { signal: signal() }),
      ...groups.map((group) => group.receive(tensors)),
    ]);
    for (const file of files) expect(readFile(file)).toEqual(read);
  }
});

test("an engine may come before its trainer listens", async () => {
  const port = await freePort();
  const early = join({ port });
  const sender = await listen({ port });
  await sender.joined({ signal: signal() });
  await sender.send([tensors[0]!], { signal: signal() });
  expect(readFile(await (await early).receive([tensors[0]!]))).toEqual([read[0]]);
});

test.each([
  [{ group: "other" }, "this is the group weight_update_group, not other"],
  [{ worldSize: 5 }, "world_size is 2 here, not 5"],
  [{ rank: 7 }, "rank 7 is none of 1 to 1"],
])("who is not of the group is refused: %j", async (options, why) => {
  const sender = await listen();
  await expect(join(sender, options)).rejects.toThrow(why);
});

test("what is no engine is refused and disturbs nobody", async () => {
  const sender = await listen();
  const stranger = connect({ host: "127.0.0.1", port: sender.port });
  stranger.write("GET / HTTP/1.1\r\n\r\n");
  let said = "";
  for await (const chunk of stranger) said += chunk;
  expect(JSON.parse(said)).toMatchObject({ ok: false });
  await join(sender);
  await sender.joined({ signal: signal() });
});

test("another tensor than the one that is named is an error that names both", async () => {
  const sender = await listen();
  const group = await join(sender);
  await sender.joined({ signal: signal() });
  const sent = sender.send([tensors[0]!], { signal: signal() });
  await expect(group.receive([{ ...tensors[0]!, shape: [97] }])).rejects.toThrow(
    "model.norm.weight (float32 [96]) where the request names model.norm.weight (float32 [97])",
  );
  await sent;
});

test("a trainer that is gone, and one that never comes, are errors; so is an engine that is gone", async () => {
  const sender = await listen();
  const group = await join(sender);
  await sender.joined({ signal: signal() });
  const received = expect(group.receive(tensors)).rejects.toThrow("closed the connection");
  await sender.close();
  await received;
  await expect(join(sender, { signal: AbortSignal.timeout(300) })).rejects.toThrow(
    "No trainer listens",
  );
  const other = await listen();
  (await join(other)).close();
  await expect
    .poll(() => other.send([tensors[0]!], { signal: signal() }).then(String, String))
    .toContain("An engine of the group weight_update_group is gone");
});

const hasPython = spawnSync("python3", ["--version"]).status === 0;
if (!hasPython) console.warn("SKIPPED: no trainer in Python sends weights here. Install python3.");

test.skipIf(!hasPython)(
  "the trainer of the README, in Python, sends to an engine of ours",
  async () => {
    const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
    const program = /```python\n([\s\S]*?)```/.exec(readme)![1]!;
    const use = `
trainer = Trainer(world_size=2)
print(trainer.port, flush=True)
trainer.wait()
trainer.send("norm", "float32", [4], bytes(range(16)))
`;
    const python = spawn("python3", ["-c", program + use], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    opened.push({ close: () => python.kill() });
    const [line] = (await python.stdout[Symbol.asyncIterator]().next()).value
      .toString()
      .split("\n");
    const group = await join({ port: Number(line) });
    const shape = { name: "norm", dtype: "float32", shape: [4] };
    expect(readFile(await group.receive([shape], { signal: signal() }))).toEqual([
      {
        name: "norm",
        dtype: "F32",
        shape: [4],
        data: summaryOf(Uint8Array.from({ length: 16 }, (_, i) => i)),
      },
    ]);
  },
);
