/** Instants in the stream's zone. */

const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = zone + JSON.stringify(options);
  const known = formats.get(key);
  if (known) return known;
  const made = new Intl.DateTimeFormat("en-GB", { timeZone: zone, ...options });
  formats.set(key, made);
  return made;
}

/** "27 Nov 2026" */
export function day(instant: string | number | Date, zone = "UTC"): string {
  return format(zone, { day: "numeric", month: "short", year: "numeric" }).format(new Date(instant));
}

/** "27 Nov" */
export function shortDay(instant: string | number | Date, zone = "UTC"): string {
  return format(zone, { day: "numeric", month: "short" }).format(new Date(instant));
}

/** "Nov 2026" */
export function month(instant: string | number | Date, zone = "UTC"): string {
  return format(zone, { month: "short", year: "numeric" }).format(new Date(instant));
}

/** "27 Nov 2026, 14:05" */
export function minute(instant: string | number | Date, zone = "UTC"): string {
  return format(zone, {
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
  }).format(new Date(instant));
}

/** "2026-11-27", as date fields want it. */
export function isoDay(instant: string | number | Date, zone = "UTC"): string {
  const parts = format(zone, { year: "numeric", month: "2-digit", day: "2-digit" }).formatToParts(new Date(instant));
  const part = (type: string) => parts.find((each) => each.type === type)?.value ?? "";
  return `${part("year")}-${part("month")}-${part("day")}`;
}

/** The instant at which a day begins in a zone. */
export function midnight(date: string, zone = "UTC"): string {
  const asUtc = Date.parse(`${date}T00:00:00Z`);
  // the offset is that of the instant looked for, which differs from that of the guess on days of change
  const guess = asUtc - offset(asUtc, zone);
  return new Date(asUtc - offset(guess, zone)).toISOString();
}

function offset(instant: number, zone: string): number {
  const parts = format(zone, {
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
  }).formatToParts(new Date(instant));
  const part = (type: string) => Number(parts.find((each) => each.type === type)?.value);
  const local = Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute"), part("second"));
  return local - Math.floor(instant / 1000) * 1000;
}

/** "27 Nov 2026, 14:05:09 UTC", for tooltips. */
export function second(instant: string | number | Date, zone = "UTC"): string {
  const text = format(zone, { dateStyle: "medium", timeStyle: "medium" }).format(new Date(instant));
  return `${text} ${zone}`;
}

/** "31 Aug – 29 Sep"; with years when it is not of the last one. */
export function spanOf({ period_start: start, period_end: end }: { period_start: string; period_end: string }, zone: string): string {
  const last = Date.parse(end) - 1;
  const told = Date.now() - Date.parse(start) > 300 * 86_400_000 ? day : shortDay;
  return `${told(start, zone)} – ${told(last, zone)}`;
}
