/** Durations as people say them. The API gives hours. */
import type { Clock } from "../state/filters";
import { NONE, THIN, count, decimal } from "./number";

const unit = (value: number, name: string) => `${count(value)}${THIN}${name}`;

/** "3 d 4 h", "5 h 20 min", "12 min". On the working clock days have no fixed length: hours only. */
export function duration(hours: number | null | undefined, clock: Clock = "elapsed"): string {
  if (hours === null || hours === undefined) return NONE;
  if (hours < 0) return `−${duration(-hours, clock)}`;
  const minutes = Math.round(hours * 60);
  if (minutes < 1) return hours > 0 ? `<${unit(1, "min")}` : unit(0, "h");
  if (minutes < 60) return unit(minutes, "min");
  if (hours < 10 && minutes % 60) return `${unit(Math.floor(minutes / 60), "h")} ${unit(minutes % 60, "min")}`;
  const whole = Math.round(hours);
  if (clock === "working" || whole < 24) return unit(whole, "h");
  const days = Math.floor(whole / 24);
  if (days >= 10 || whole % 24 === 0) return unit(Math.round(hours / 24), "d");
  return `${unit(days, "d")} ${unit(whole % 24, "h")}`;
}

/** For the tooltip: nothing rounded away. */
export function exactly(hours: number | null | undefined): string {
  return hours === null || hours === undefined ? "no figure" : `${decimal(hours, 2)}${THIN}h`;
}
