import { createServer } from "node:net";

const [lowest, highest] = [20_000, 32_767];

/**
 * The first of so many free ports in a row, below those that systems give to clients: a server that is started again finds
 * its port free, though others tried to connect meanwhile. Dynamo's system port, 16 bits with a sign, must be there too.
 */
export async function freeLowPort(count = 1): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const first = lowest + Math.floor(Math.random() * (highest - lowest - count));
    const ports = Array.from({ length: count }, (_, i) => first + i);
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return first;
  }
  throw new Error(`No ${count} ports in a row from ${lowest} to ${highest} were found free.`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, () => server.close(() => resolve(true)));
  });
}
