const months = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];
const days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/** Python's `strftime` in the C locale and local time, for the directives that templates use. Others stay as they are. */
export function strftime(date: Date, format: string): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const month = months[date.getMonth()] ?? "";
  const day = days[date.getDay()] ?? "";
  const startOfYear = new Date(date.getFullYear(), 0, 1);
  const midnight = new Date(date.getFullYear(), date.getMonth(), date.getDate());
  const dayOfYear = Math.round((midnight.getTime() - startOfYear.getTime()) / 86_400_000) + 1;
  const directives: Readonly<Record<string, string>> = {
    Y: String(date.getFullYear()),
    y: two(date.getFullYear() % 100),
    m: two(date.getMonth() + 1),
    d: two(date.getDate()),
    "-d": String(date.getDate()),
    "-m": String(date.getMonth() + 1),
    B: month,
    b: month.slice(0, 3),
    A: day,
    a: day.slice(0, 3),
    H: two(date.getHours()),
    I: two(date.getHours() % 12 || 12),
    p: date.getHours() < 12 ? "AM" : "PM",
    M: two(date.getMinutes()),
    S: two(date.getSeconds()),
    j: String(dayOfYear).padStart(3, "0"),
    F: `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`,
    "%": "%",
  };
  return format.replace(/%(-?[A-Za-z]|%)/g, (whole, key: string) => directives[key] ?? whole);
}
