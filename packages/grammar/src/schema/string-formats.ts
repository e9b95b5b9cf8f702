// Formats as regular expressions: texts that validators take, not every text that the RFC allows.

const date =
  "[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))";
const time =
  "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,9})?(?:[zZ]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])";
const label = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?";
const hostname = `${label}(?:\\.${label}){0,2}`;
const octet = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
const ipv4 = `${octet}\\.${octet}\\.${octet}\\.${octet}`;
const group = "[0-9a-fA-F]{1,4}";
const path = "(?:/[A-Za-z0-9._~-]*)*";
const query = "(?:\\?[A-Za-z0-9._~=&-]*)?(?:#[A-Za-z0-9._~-]*)?";
const uri = `[a-zA-Z][a-zA-Z0-9+.-]*://${label}(?:\\.${label})*(?::[0-9]{1,5})?${path}${query}`;
const dayTime =
  "T(?:[0-9]{1,9}H(?:[0-9]{1,9}M)?(?:[0-9]{1,9}S)?|[0-9]{1,9}M(?:[0-9]{1,9}S)?|[0-9]{1,9}S)";

/** By name of the `format` keyword. */
export const stringFormats: Readonly<Record<string, string>> = {
  date,
  time,
  "date-time": `${date}[tT]${time}`,
  duration: `P(?:[0-9]{1,9}W|[0-9]{1,9}Y(?:[0-9]{1,9}M(?:[0-9]{1,9}D)?)?(?:${dayTime})?|[0-9]{1,9}M(?:[0-9]{1,9}D)?(?:${dayTime})?|[0-9]{1,9}D(?:${dayTime})?|${dayTime})`,
  email: `[a-zA-Z0-9_+-]+(?:\\.[a-zA-Z0-9_+-]+)*@${label}(?:\\.${label}){1,3}`,
  hostname,
  ipv4,
  ipv6: `(?:(?:${group}:){7}${group}|(?:${group}:){1,3}:${group}(?::${group}){0,2}|::${group}(?::${group}){0,5}|::)`,
  uri,
  "uri-reference": `(?:${uri}|${path}${query})`,
  uuid: "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}",
  "json-pointer": '(?:/(?:[^~/"\\\\\\x00-\\x1f]|~0|~1)*)*',
};
