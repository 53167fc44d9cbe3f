/** Axes and grid, drawn alike in all charts. */
import type { ComponentChildren } from "preact";
import { count } from "../../format/number";
import { month, shortDay } from "../../format/instant";
import type { Scale } from "./scale";

export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** The inner rectangle of a drawing with room for its axes. */
export function innerBox(width: number, height: number, room: Partial<Box> = {}): Box {
  const { left = 56, top = 14, right = 14, bottom = 30 } = room;
  return { left, top, right: Math.max(left + 40, width - right), bottom: height - bottom };
}

/** Room at the left for counts up to this one. */
export const countRoom = (greatest: number) => Math.max(36, 16 + 7.5 * count(greatest * 1.2).length);

/** About two thirds of the width, within reason. */
export const pictureHeight = (width: number) => Math.round(Math.min(380, Math.max(240, width * 0.55)));

interface ValueAxisProps {
  scale: Scale;
  box: Box;
  ticks?: number[];
  format: (value: number) => string;
}

export function ValueAxis({ scale, box, ticks, format }: ValueAxisProps) {
  return (
    <g aria-hidden="true">
      {(ticks ?? scale.ticks(5)).map((tick) => (
        <g key={tick}>
          <line class={tick === 0 ? "axis" : "grid"} x1={box.left} x2={box.right} y1={scale(tick)} y2={scale(tick)} />
          <text x={box.left - 8} y={scale(tick)} dy="0.35em" text-anchor="end">
            {format(tick)}
          </text>
        </g>
      ))}
    </g>
  );
}

export const LONG_MS = 360 * 86_400_000;

/** Room of a date below an axis. */
const LABEL = 66;

export function TimeAxis({ scale, box, zone }: { scale: Scale; box: Box; zone: string }) {
  // a day without its year says little in a window that has it twice
  const label = scale.greatest - scale.least > LONG_MS ? month : shortDay;
  const ticks = scale.ticks(Math.max(2, Math.floor((box.right - box.left) / LABEL)));
  const said = ticks.map((tick) => label(tick, zone));
  const every = Math.ceil((ticks.length * LABEL) / (box.right - box.left + LABEL)); // the number is but a wish
  return (
    <g aria-hidden="true">
      {ticks.map((tick, place) =>
        place % every || (place && said[place] === said[place - every]) ? null : (
        <g key={tick}>
          <line class="axis" x1={scale(tick)} x2={scale(tick)} y1={box.bottom} y2={box.bottom + 4} />
          <text x={scale(tick)} y={box.bottom + 18} text-anchor="middle">
            {said[place]}
          </text>
        </g>
        ),
      )}
    </g>
  );
}

interface DrawingProps {
  width: number;
  height: number;
  label: string;
  children: ComponentChildren;
}

/** The SVG itself, with its finding as its name. Interactive parts are focusable within. */
export function Drawing({ width, height, label, children }: DrawingProps) {
  return (
    <svg class="chart" width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label}>
      {children}
    </svg>
  );
}

/** The inner rectangle of rows, whose names stand above what is drawn. */
export const rowBox = (width: number, height: number): Box => ({ left: 4, top: 4, right: width - 4, bottom: height - 26 });

const LETTER = 6.8;

/** A name, shortened to so many pixels. */
export function fitted(name: string, room: number, letter = LETTER): string {
  const most = Math.max(2, Math.floor(room / letter));
  return name.length <= most ? name : `${name.slice(0, most - 1)}…`;
}
