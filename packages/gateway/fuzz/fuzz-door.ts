// Sends mutants of sound bodies to every POST route and judges what comes back.
import { Pool } from "undici";
import { type FuzzAnswer, judgeAnswer } from "./judge-answer.ts";
import { mutateBody } from "./mutate-body.ts";
import { mutateForm } from "./mutate-form.ts";
import { createRandom, pick } from "./random.ts";
import { anyBody, seedBodies } from "./seed-bodies.ts";
import { anyForm, seedForms } from "./seed-forms.ts";

export interface FuzzOptions {
  readonly url: string;
  readonly seed: number;
  readonly count: number;
  readonly concurrency: number;
  /** An answer that is not whole by then is a hang. */
  readonly timeoutMs: number;
  /** Called each so many answers. */
  readonly every?: number;
  readonly onProgress?: (done: number) => Promise<void>;
}

export interface FuzzFault {
  readonly path: string;
  readonly fault: string;
  /** The first 2,000 characters. */
  readonly body: string;
  readonly answer: string;
}

export interface FuzzResult {
  readonly sent: number;
  /** Of them as multipart/form-data. */
  readonly forms: number;
  /** Answers by status. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly byPath: Readonly<Record<string, number>>;
  readonly faults: readonly FuzzFault[];
}

interface FuzzBody {
  readonly type: string;
  readonly bytes: Buffer;
}

const faultLimit = 50;

/** Of what goes to a route that takes forms, and to one that does not. */
const formShare = { taken: 0.7, refused: 0.02 };

/** No model of its type can be served: what comes there is refused, whatever it is. */
const absentPath = "/v1/audio/transcriptions";

export async function fuzzDoor(options: FuzzOptions): Promise<FuzzResult> {
  const { url, seed, count, concurrency, timeoutMs } = options;
  const random = createRandom(seed);
  const paths = [...(await postPaths(url)), absentPath];
  const pool = new Pool(url, { connections: concurrency });
  const statuses: Record<string, number> = {};
  const byPath: Record<string, number> = {};
  const faults: FuzzFault[] = [];
  let sent = 0;
  let formCount = 0;
  let pausing: Promise<void> | null = null;
  const work = async () => {
    while (sent < count && faults.length < faultLimit) {
      await pausing;
      sent += 1;
      if (options.onProgress && sent % (options.every ?? 1000) === 0) {
        pausing = options.onProgress(sent).finally(() => {
          pausing = null;
        });
      }
      const path = pick(paths, random);
      const body = bodyFor(path, random);
      if (body.type.startsWith("multipart/")) formCount += 1;
      byPath[path] = (byPath[path] ?? 0) + 1;
      let answer: FuzzAnswer | null = null;
      let fault: string | null;
      try {
        answer = await post(pool, path, body, timeoutMs);
        fault = judgeAnswer(answer);
        statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
      } catch (error) {
        fault = String(error);
        statuses.none = (statuses.none ?? 0) + 1;
      }
      if (fault !== null) {
        faults.push({
          path,
          fault,
          body: body.bytes.toString("utf8", 0, 2000),
          answer: answer?.text.slice(-600) ?? "",
        });
      }
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  await pool.close();
  return { sent, forms: formCount, statuses, byPath, faults };
}

const bodies = [...Object.values(seedBodies).flat(), ...anyBody];
const forms = [...Object.values(seedForms).flat(), ...anyForm];

function bodyFor(path: string, random: () => number): FuzzBody {
  const ownForms = seedForms[path];
  if (random() < (ownForms === undefined ? formShare.refused : formShare.taken)) {
    const seed = pick(ownForms !== undefined && random() < 0.9 ? ownForms : anyForm, random);
    return mutateForm(seed, forms, random);
  }
  const seed = pick(seedBodies[path] ?? anyBody, random);
  return { type: "application/json", bytes: mutateBody(seed, bodies, random) };
}

async function post(
  pool: Pool,
  path: string,
  body: FuzzBody,
  timeoutMs: number,
): Promise<FuzzAnswer> {
  const {
    statusCode,
    headers,
    body: answer,
  } = await pool.request({
    method: "POST",
    path,
    headers: { "content-type": body.type },
    body: body.bytes,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    signal: AbortSignal.timeout(timeoutMs),
  });
  const text = await answer.text();
  return { status: statusCode, contentType: String(headers["content-type"] ?? ""), text };
}

/** Every route that takes a body. */
async function postPaths(url: string): Promise<string[]> {
  const document = (await (await fetch(`${url}/openapi.json`)).json()) as {
    readonly paths: Readonly<Record<string, object>>;
  };
  return Object.keys(document.paths).filter((path) => "post" in document.paths[path]!);
}
