/** What an operator can do to etcd, over its JSON gateway. */
export class Etcd {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  async put(key: string, value: string): Promise<void> {
    await this.#call("kv/put", { key: base64(key), value: base64(value) });
  }

  /** Everything before the present revision is forgotten. */
  async compact(): Promise<void> {
    const { header } = (await this.#call("kv/range", { key: base64("x") })) as Answer;
    await this.#call("kv/compaction", { revision: header.revision, physical: true });
  }

  async leases(): Promise<string[]> {
    const { leases = [] } = (await this.#call("lease/leases", {})) as Answer;
    return leases.map(({ ID }) => ID);
  }

  async revoke(id: string): Promise<void> {
    await this.#call("lease/revoke", { ID: id });
  }

  async #call(path: string, body: object): Promise<unknown> {
    const response = await fetch(`${this.#url}/v3/${path}`, {
      method: "POST",
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`etcd ${path}: ${await response.text()}`);
    return response.json();
  }
}

interface Answer {
  readonly header: { readonly revision: string };
  readonly leases?: readonly { readonly ID: string }[];
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
