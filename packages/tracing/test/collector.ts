// A collector of the test's own: OTLP over HTTP and gRPC, read by protobufjs from the standard's field numbers.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import protobuf from "protobufjs";

const { root } = protobuf.parse(`
  syntax = "proto3";
  message Request { repeated ResourceSpans resource_spans = 1; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
  message Resource { repeated KeyValue attributes = 1; }
  message ScopeSpans { repeated Span spans = 2; }
  message Span {
    bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; bytes parent_span_id = 4; string name = 5; int32 kind = 6;
    fixed64 start = 7; fixed64 end = 8; repeated KeyValue attributes = 9; repeated Event events = 11; Status status = 15;
  }
  message Event { fixed64 time = 1; string name = 2; repeated KeyValue attributes = 3; }
  message Status { string message = 2; int32 code = 3; }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message AnyValue { oneof value { string text = 1; bool flag = 2; int64 whole = 3; double real = 4; ArrayValue list = 5; } }
  message ArrayValue { repeated AnyValue values = 1; }
`);
const requestType = root.lookupType("Request");

export interface SeenSpan {
  readonly service: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string;
  readonly name: string;
  readonly kind: number;
  readonly traceState: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly events: readonly string[];
  readonly statusCode: number;
  readonly durationMs: number;
}

export interface Collector {
  readonly httpUrl: string;
  readonly grpcUrl: string;
  readonly spans: SeenSpan[];
  close(): Promise<void>;
}

export async function startCollector(): Promise<Collector> {
  const spans: SeenSpan[] = [];
  const http = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (request.url !== "/v1/traces") return void response.writeHead(404).end();
    spans.push(...readSpans(Buffer.concat(chunks)));
    response.writeHead(200, { "content-type": "application/x-protobuf" }).end();
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const grpc = new Server();
  const same = (bytes: Buffer) => bytes;
  grpc.addService(
    {
      export: {
        path: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        requestStream: false,
        responseStream: false,
        requestSerialize: same,
        requestDeserialize: same,
        responseSerialize: same,
        responseDeserialize: same,
      },
    },
    {
      export: (call: { request: Buffer }, done: (error: null, value: Buffer) => void) => {
        spans.push(...readSpans(call.request));
        done(null, Buffer.alloc(0));
      },
    },
  );
  const grpcPort = await new Promise<number>((resolve, reject) => {
    grpc.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
  });
  return {
    httpUrl: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    grpcUrl: `http://127.0.0.1:${grpcPort}`,
    spans,
    close: async () => {
      grpc.forceShutdown();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

interface Value {
  readonly text?: string;
  readonly flag?: boolean;
  readonly whole?: string;
  readonly real?: number;
  readonly list?: { readonly values?: readonly Value[] };
}
interface KeyValue {
  readonly key: string;
  readonly value: Value;
}
interface RawSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly name: string;
  readonly kind: number;
  readonly start: string;
  readonly end: string;
  readonly attributes: readonly KeyValue[];
  readonly events: readonly { readonly name: string }[];
  readonly status: { readonly code: number } | null;
}

function readSpans(bytes: Buffer): SeenSpan[] {
  const { resourceSpans } = requestType.toObject(requestType.decode(bytes), {
    longs: String,
    bytes: String,
    arrays: true,
    defaults: true,
  }) as {
    resourceSpans: {
      resource: { attributes: KeyValue[] };
      scopeSpans: { spans: RawSpan[] }[];
    }[];
  };
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = String(toRecord(resource.attributes)["service.name"]);
    return scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        service,
        traceId: toHex(span.traceId),
        spanId: toHex(span.spanId),
        parentId: toHex(span.parentSpanId),
        name: span.name,
        kind: span.kind,
        traceState: span.traceState,
        attributes: toRecord(span.attributes),
        events: span.events.map(({ name }) => name),
        statusCode: span.status?.code ?? 0,
        durationMs: Number((BigInt(span.end) - BigInt(span.start)) / 1000n) / 1000,
      })),
    );
  });
}

function toHex(base64: string): string {
  return Buffer.from(base64, "base64").toString("hex");
}

function toRecord(pairs: readonly KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, toValue(value)]));
}

function toValue(value: Value): unknown {
  if (value.list) return (value.list.values ?? []).map(toValue);
  if (value.whole !== undefined && value.whole !== "0") return Number(value.whole);
  return value.text || value.real || value.flag || (value.whole === undefined ? "" : 0);
}
