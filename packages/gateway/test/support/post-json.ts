/** An answer that is JSON whatever its status; `error` is its field of that name. */
export async function postJson(url: string, body: object) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const json = (await response.json()) as Record<string, unknown>;
  return { status: response.status, body: json, error: json.error as Record<string, string> };
}
