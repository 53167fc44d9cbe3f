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

/** "27 Nov 2026, 14:05:09 UTC", for tooltips. */
export function second(instant: string | number | Date, zone = "UTC"): string {
  const text = format(zone, { dateStyle: "medium", timeStyle: "medium" }).format(new Date(instant));
  return `${text} ${zone}`;
}
