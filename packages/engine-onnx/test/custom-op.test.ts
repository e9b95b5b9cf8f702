import { expect, test } from "vitest";
import { GraphBuilder } from "../src/onnx/graph-builder.ts";
import { CustomOp } from "../src/runtime/custom-op.ts";
import { FfiSession, FfiTensor } from "../src/runtime/ffi-session.ts";

const model = () => {
  const graph = new GraphBuilder("custom");
  graph.input("x", "float32", ["N"]);
  graph.op("Twice", ["x"], { domain: "dyn", attributes: { layer: 7 }, outputs: ["y"] });
  graph.output("y", "float32", ["N"]);
  return { model: graph.toModel(), weightFile: null, threadCount: 1 };
};

test.skipIf(process.platform !== "linux")("an operator's exception is the error of the run", () => {
  const compute = (layer: number) => {
    throw new Error(`layer ${layer} has no plan`);
  };
  const session = new FfiSession(model(), new CustomOp({ name: "Twice", inputCount: 1, compute }));
  const x = new FfiTensor(Float32Array.of(1, 2), [2]);
  const y = new FfiTensor(new Float32Array(2), [2]);
  for (let turn = 0; turn < 3; turn++) {
    expect(() => session.run({ x }, { y })).toThrow("layer 7 has no plan");
  }
  x.release();
  y.release();
  session.release();
});

test.skipIf(process.platform !== "linux")("sessions come and go with their operators", () => {
  for (let turn = 0; turn < 200; turn++) {
    const kernel = { name: "Twice", inputCount: 1, compute: () => undefined };
    new FfiSession(model(), new CustomOp(kernel)).release();
  }
});
