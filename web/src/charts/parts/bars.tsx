/** Rows with a name above and something drawn along a scale below: one row per stage, type or rule. */
import type { ComponentChildren } from "preact";
import type { Cursor } from "./cursor";
import { type Box } from "./frame";
import { Tip, Walk } from "./walk";

export const ROW = 46;
const NAME = 16;

export interface Row {
  name: string;
  /** Figure at the row's right end. */
  figure?: string;
}

/** Height of so many rows with their scale below. */
export const rowsHeight = (number: number, axis = true) => number * ROW + 8 + (axis ? 26 : 0);

/** The middle of the drawn part of a row. */
export const rowMiddle = (place: number) => 8 + place * ROW + NAME + 12;

interface Props {
  rows: Row[];
  box: Box;
  chosen: number | null;
  children: ComponentChildren;
}

/** Names and figures of the rows, and what is drawn in them. */
export function Rows({ rows, box, chosen, children }: Props) {
  return (
    <g>
      {rows.map(({ name, figure }, place) => {
        const top = 8 + place * ROW;
        return (
          <g key={name}>
            {place === chosen && <rect class="row-here" x={0} width={box.right + box.left} y={top - 4} height={ROW - 2} rx="4" />}
            <text class="label strong" x={box.left} y={top + 8}>
              {name}
            </text>
            {figure && (
              <text class="label" x={box.right} y={top + 8} text-anchor="end">
                {figure}
              </text>
            )}
          </g>
        );
      })}
      {children}
    </g>
  );
}

interface WalkRowsProps {
  cursor: Cursor;
  label: string;
  width: number;
  number: number;
  open?: (place: number) => void;
  verb?: string;
  tip: ComponentChildren;
  children: ComponentChildren;
}

/** A walk through rows. */
export function WalkRows({ number, tip, children, ...props }: WalkRowsProps) {
  return (
    <Walk
      {...props}
      nearest={(_, y) => {
        const place = Math.floor((y - 4) / ROW);
        return place >= 0 && place < number ? place : null;
      }}
    >
      {children}
      <Tip>{tip}</Tip>
    </Walk>
  );
}

/** At the ends, text stands within the picture. */
function anchorAt(x: number, box: Box): "start" | "middle" | "end" {
  if (x < box.left + 12) return "start";
  return x > box.right - 12 ? "end" : "middle";
}

interface ScaleProps {
  x: (value: number) => number;
  ticks: number[];
  box: Box;
  format: (value: number) => string;
}

/** A scale below rows, with lines through them. */
export function RowScale({ x, ticks, box, format }: ScaleProps) {
  return (
    <g aria-hidden="true">
      {ticks.map((tick) => (
        <g key={tick}>
          <line class={tick === 0 ? "axis" : "grid"} x1={x(tick)} x2={x(tick)} y1={box.top} y2={box.bottom} />
          <text x={x(tick)} y={box.bottom + 18} text-anchor={anchorAt(x(tick), box)}>
            {format(tick)}
          </text>
        </g>
      ))}
    </g>
  );
}
