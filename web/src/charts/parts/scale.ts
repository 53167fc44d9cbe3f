/**
 * Scales: from values to pixels, with ticks. d3-scale does far more (colours, formats, calendars), and took a fifth
 * of the page's budget; what it finds ticks with does what is needed here.
 */
import { nice, ticks } from "d3-array";
import { utcTicks } from "d3-time";
import type { Box } from "./frame";

export interface Scale {
  (value: number | Date): number;
  least: number;
  greatest: number;
  /** About so many round values. */
  ticks: (number: number) => number[];
}

type Ends = readonly [number, number];

function scale([first, last]: Ends, [from, to]: Ends, ticksOf = ticks, shape = (value: number) => value): Scale {
  const [low, high] = [shape(first), shape(last)];
  const at = (value: number | Date) => from + ((shape(+value) - low) / (high - low || 1)) * (to - from);
  return Object.assign(at, { least: first, greatest: last, ticks: (number: number) => ticksOf(first, last, number) });
}

export function timeScale(start: string | number, end: string | number, box: Box): Scale {
  const times = (from: number, to: number, number: number) => utcTicks(new Date(from), new Date(to), number).map(Number);
  return scale([+new Date(start), +new Date(end)], [box.left, box.right], times);
}

/** From zero to the greatest value, rounded up to a tick. */
export function valueScale(greatest: number, box: Box): Scale {
  return scale([0, nice(0, greatest > 0 ? greatest : 1, 5)[1]], [box.bottom, box.top]);
}

/** As valueScale, by square root: small values are told apart beside great ones. */
export function rootScale(greatest: number, box: Box): Scale {
  return scale([0, greatest > 0 ? greatest * 1.05 : 1], [box.bottom, box.top], ticks, Math.sqrt);
}

/** From the left to the right, up to the greatest value. */
export function rowScale(greatest: number, box: Box, least = 0): Scale {
  return scale([least, greatest > least ? greatest : least + 1], [box.left, box.right]);
}

/** Ticks of a scale of hours that fall on whole hours or whole days. */
export function hourTicks({ greatest }: Scale, number = 6): number[] {
  const steps = [1, 2, 4, 8, 12, 24, 48, 72, 120, 168, 240, 336, 480, 720, 1440, 2160, 4320, 8760, 17520, 43800];
  const step = steps.find((each) => greatest / each <= number) ?? greatest;
  return Array.from({ length: Math.floor(greatest / step) + 1 }, (_, place) => place * step);
}

/** Ticks of a scale of counts: there are no halves. */
export const wholeTicks = (scale: Scale) => scale.ticks(5).filter(Number.isInteger);
