// SGLang's bootstrap server: prefill ranks register, decode engines ask where they are. Rooms exceed JavaScript's safe
// integers, so bodies that carry them are read as text.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { rankRegistrationSchema } from "./rank-registration.ts";
import { RankTable } from "./rank-table.ts";

const maxBodyBytes = 1 << 20;
const requestTimeoutMs = 10_000;

export interface BootstrapServer {
  readonly port: number;
  readonly table: RankTable;
  close(): Promise<void>;
}

/** Rejects when the port is taken. */
export async function startBootstrapServer(options: {
  bindHost: string;
  port: number;
}): Promise<BootstrapServer> {
  const table = new RankTable();
  const server = createServer((request, response) => {
    answer(table, request, response).catch((error: unknown) => {
      send(response, 400, error instanceof Error ? error.message : String(error));
    });
  });
  server.requestTimeout = requestTimeoutMs;
  await listen(server, options.port, options.bindHost);
  return {
    port: (server.address() as AddressInfo).port,
    table,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  table: RankTable,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://bootstrap");
  switch (`${request.method} ${pathname}`) {
    case "GET /health":
      send(response, 200, "OK");
      return;
    case "PUT /route": {
      const parsed = rankRegistrationSchema.safeParse(JSON.parse(await readBody(request)));
      if (!parsed.success) {
        const { path, message } = parsed.error.issues[0]!;
        send(response, 400, `The registration is not valid: ${path.join(".")}: ${message}`);
        return;
      }
      table.register(parsed.data);
      send(response, 200, "OK");
      return;
    }
    case "GET /route":
      route(table, searchParams, response);
      return;
    case "POST /register_dp_rank": {
      const body = await readBody(request);
      const room = /"bootstrap_room"\s*:\s*(\d+)/.exec(body)?.[1];
      const rank = /"dp_rank"\s*:\s*(\d+)/.exec(body)?.[1];
      if (room === undefined || rank === undefined) {
        send(response, 400, "The body must have the whole numbers bootstrap_room and dp_rank.");
        return;
      }
      table.setRoom(room, Number(rank));
      send(response, 200, "OK");
      return;
    }
    case "POST /query_dp_ranks": {
      const rooms = /"bootstrap_rooms"\s*:\s*\[([\d\s,]*)\]/.exec(await readBody(request))?.[1];
      if (rooms === undefined) {
        send(response, 400, "The body must have bootstrap_rooms, a list of whole numbers.");
        return;
      }
      const known: Record<string, number> = {};
      for (const room of rooms.match(/\d+/g) ?? []) {
        const rank = table.rankOfRoom(room);
        if (rank !== null) known[room] = rank;
      }
      sendJson(response, known);
      return;
    }
    default:
      send(response, 404, `There is no ${request.method} ${pathname}.`);
  }
}

function route(table: RankTable, query: URLSearchParams, response: ServerResponse): void {
  const names = ["prefill_dp_rank", "prefill_cp_rank", "target_tp_rank", "target_pp_rank"];
  const values = names.map((name) => query.get(name));
  if (!values.every((value) => value !== null && /^-?\d+$/.test(value))) {
    // SGLang's words: its decode side logs them.
    send(response, 400, "Missing inputs for bootstrap server.");
    return;
  }
  if (!table.isComplete) {
    send(response, 503, "Not every prefill rank has registered yet; ask again.");
    return;
  }
  const [dp, cp, tp, pp] = values.map(Number) as [number, number, number, number];
  if ([dp, cp, tp, pp].every((value) => value === -1)) {
    sendJson(response, table.topology());
    return;
  }
  const address = table.find(dp, cp, tp, pp);
  if (address !== null) sendJson(response, address);
  else {
    const place = `dp_rank=${dp} cp_rank=${cp} tp_rank=${tp} pp_rank=${pp}`;
    send(response, 404, `Bootstrap info not found for ${place}`);
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBodyBytes) throw new Error(`The body is larger than ${maxBodyBytes} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function send(response: ServerResponse, status: number, text: string): void {
  if (response.headersSent) return;
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(text);
}

function sendJson(response: ServerResponse, body: unknown): void {
  response
    .writeHead(200, { "content-type": "application/json; charset=utf-8" })
    .end(JSON.stringify(body));
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
