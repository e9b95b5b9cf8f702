import { createServer } from "node:net";

/** Above those that daemons have, below those that systems give to clients and to servers that name none. */
const [lowest, highest] = [20_000, 32_767];

/**
 * A free TCP port, or the first of so many in a row. No other process is given it meanwhile unless it asks for this very
 * number: a server that is stopped finds its port free when it starts again, though others connect and listen all the
 * time. Dynamo's system port, 16 bits with a sign, can be there too.
 */
export async function freePort(count = 1): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const first = lowest + Math.floor(Math.random() * (highest - lowest - count));
    const ports = Array.from({ length: count }, (_, i) => first + i);
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return first;
  }
  throw new Error(`No ${count} ports in a row from ${lowest} to ${highest} were found free.`);
}

/** On every interface. */
function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, () => server.close(() => resolve(true)));
  });
}
