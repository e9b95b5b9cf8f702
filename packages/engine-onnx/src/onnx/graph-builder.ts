// Builds an ONNX model in memory, node by node. Knows the format and nothing of decoders;
// never reads a weight: large initializers are named by file, offset and length.
import { type ElementType, elementTypeCode } from "./element-type.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";

/** Whole numbers are INT, lists are INTS; a FLOAT says so. */
export type Attribute = number | readonly number[] | { readonly float: number };

/** A number, or the name of a dimension that each run decides. */
export type Dimension = number | string;

/** Bytes of a file that an initializer takes as they are. */
export interface FileRange {
  /** Relative to the folder that the session is told. */
  readonly location: string;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

interface NodeOptions {
  readonly attributes?: Readonly<Record<string, Attribute>>;
  /** Empty for standard ONNX; `dyn` for our own. */
  readonly domain?: "" | "com.microsoft" | "dyn";
  /** Names of the outputs, "" for one that is not wanted; made up when absent. */
  readonly outputs?: readonly string[];
}

const irVersion = 10;
const externalDataLocation = 1;
const attributeTypes = { float: 1, int: 2, ints: 7 } as const;

export class GraphBuilder {
  readonly #graph = new ProtobufWriter();
  readonly #initializers = new Set<string>();
  /** Of operators, whether the graph has them or ONNX Runtime makes them of others. */
  readonly #domains = new Set<string>(["", "com.microsoft"]);
  #valueCount = 0;

  constructor(name: string) {
    this.#graph.string(2, name);
  }

  input(name: string, type: ElementType, dimensions: readonly Dimension[]): string {
    this.#graph.message(11, valueInfo(name, type, dimensions));
    return name;
  }

  output(name: string, type: ElementType, dimensions: readonly Dimension[]): void {
    this.#graph.message(12, valueInfo(name, type, dimensions));
  }

  /** int64 constants (shapes, axes, split sizes); equal ones are stored once. */
  constant(values: readonly number[]): string {
    const name = `const_${values.join("_")}`;
    const data = BigInt64Array.from(values, BigInt);
    return this.initializer(name, "int64", [values.length], new Uint8Array(data.buffer));
  }

  /** A float32 scalar. */
  scalar(value: number): string {
    const data = new Uint8Array(Float32Array.of(value).buffer);
    return this.initializer(`scalar_${value}`, "float32", [], data);
  }

  /** A second call with the same name returns the first one's tensor. `data` is little-endian. */
  initializer(
    name: string,
    type: ElementType,
    dimensions: readonly number[],
    data: Uint8Array,
  ): string {
    if (this.#initializers.has(name)) return name;
    this.#initializers.add(name);
    this.#graph.message(5, tensor(name, type, dimensions).bytes(9, data));
    return name;
  }

  externalInitializer(
    name: string,
    type: ElementType,
    dimensions: readonly number[],
    range: FileRange,
  ): string {
    if (this.#initializers.has(name)) return name;
    this.#initializers.add(name);
    const proto = tensor(name, type, dimensions);
    const entries = {
      location: range.location,
      offset: String(range.offsetBytes),
      length: String(range.sizeBytes),
    };
    for (const [key, value] of Object.entries(entries)) {
      proto.message(13, new ProtobufWriter().string(1, key).string(2, value));
    }
    this.#graph.message(5, proto.int(14, externalDataLocation));
    return name;
  }

  /** Adds a node with one output and returns that output's name. */
  op(type: string, inputs: readonly string[], options: NodeOptions = {}): string {
    const outputs = options.outputs ?? [this.#nextValue(type)];
    this.#addNode(type, inputs, { ...options, outputs });
    return outputs[0]!;
  }

  /** Cuts the last axis. */
  split(input: string, sizes: readonly number[]): string[] {
    const outputs = sizes.map(() => this.#nextValue("Split"));
    const options = { attributes: { axis: -1 }, outputs };
    this.#addNode("Split", [input, this.constant(sizes)], options);
    return outputs;
  }

  /** 0 keeps a dimension, -1 takes what is left. */
  reshape(input: string, dimensions: readonly number[]): string {
    return this.op("Reshape", [input, this.constant(dimensions)]);
  }

  transpose(input: string, order: readonly number[], output?: string): string {
    return this.op("Transpose", [input], {
      attributes: { perm: order },
      ...(output === undefined ? {} : { outputs: [output] }),
    });
  }

  /** A serialized onnx.ModelProto. Call once. */
  toModel(opset = 21): Uint8Array {
    const model = new ProtobufWriter().int(1, irVersion).string(2, "dyn").message(7, this.#graph);
    for (const domain of this.#domains) {
      const version = domain === "" ? opset : 1;
      model.message(8, new ProtobufWriter().string(1, domain).int(2, version));
    }
    return model.toBytes();
  }

  #nextValue(type: string): string {
    this.#valueCount += 1;
    return `${type}_${this.#valueCount}`;
  }

  #addNode(
    type: string,
    inputs: readonly string[],
    options: NodeOptions & { readonly outputs: readonly string[] },
  ): void {
    const node = new ProtobufWriter();
    for (const input of inputs) node.string(1, input);
    for (const output of options.outputs) node.string(2, output);
    node.string(3, `node_${this.#nextValue(type)}`).string(4, type);
    for (const [name, value] of Object.entries(options.attributes ?? {})) {
      node.message(5, attribute(name, value));
    }
    if (options.domain) {
      node.string(7, options.domain);
      this.#domains.add(options.domain);
    }
    this.#graph.message(1, node);
  }
}

function tensor(name: string, type: ElementType, dimensions: readonly number[]): ProtobufWriter {
  const proto = new ProtobufWriter();
  for (const dimension of dimensions) proto.int(1, dimension);
  return proto.int(2, elementTypeCode[type]).string(8, name);
}

function valueInfo(
  name: string,
  type: ElementType,
  dimensions: readonly Dimension[],
): ProtobufWriter {
  const shape = new ProtobufWriter();
  for (const dimension of dimensions) {
    const proto = new ProtobufWriter();
    shape.message(
      1,
      typeof dimension === "string" ? proto.string(2, dimension) : proto.int(1, dimension),
    );
  }
  const tensorType = new ProtobufWriter().int(1, elementTypeCode[type]).message(2, shape);
  return new ProtobufWriter()
    .string(1, name)
    .message(2, new ProtobufWriter().message(1, tensorType));
}

function attribute(name: string, value: Attribute): ProtobufWriter {
  const proto = new ProtobufWriter().string(1, name);
  if (typeof value === "number") return proto.int(3, value).int(20, attributeTypes.int);
  if ("float" in value) return proto.float(2, value.float).int(20, attributeTypes.float);
  for (const item of value) proto.int(8, item);
  return proto.int(20, attributeTypes.ints);
}
