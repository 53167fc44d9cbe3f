/** The frame around a picture that can be walked through: one mark at a time, by pointer, finger or keyboard. */
import type { ComponentChildren } from "preact";
import type { Cursor } from "./cursor";

interface Props {
  cursor: Cursor;
  /** What the marks are; how to walk is added. */
  label: string;
  /** Width that the picture is drawn with. */
  width: number;
  /** Place of the mark at a point of the picture. */
  nearest: (x: number, y: number) => number | null;
  /** What a click or Enter does with a mark, if anything. */
  open?: (place: number) => void;
  /** What `open` is for, as a verb. */
  verb?: string;
  children: ComponentChildren;
}

export function Walk({ cursor, label, width, nearest, open, verb = "opens", children }: Props) {
  function under(event: MouseEvent): number | null {
    const drawing = (event.currentTarget as Element).getBoundingClientRect();
    const scale = width / drawing.width;
    return nearest((event.clientX - drawing.left) * scale, (event.clientY - drawing.top) * scale);
  }
  return (
    <div
      class="chart-focus"
      tabIndex={0}
      role="group"
      aria-label={`${label}. Arrow keys walk through them${open ? `, Enter ${verb} one` : ""}.`}
      onKeyDown={cursor.onKeyDown}
      onBlur={cursor.onBlur}
      onPointerMove={(event) => cursor.choose(under(event))}
      onPointerLeave={() => cursor.choose(null)}
      onClick={(event) => {
        const place = under(event);
        if (place !== null) open?.(place);
      }}
    >
      {children}
    </div>
  );
}

/** The place of the point that is nearest, within reach. */
export function nearestPoint(points: readonly (readonly [number, number])[], x: number, y: number, reach = 24): number | null {
  let best: number | null = null;
  let least = reach * reach;
  points.forEach(([px, py], place) => {
    const distance = (px - x) ** 2 + (py - y) ** 2;
    if (distance < least) [best, least] = [place, distance];
  });
  return best;
}

/** The place whose x is nearest. */
export function nearestAlong(all: readonly number[], x: number): number | null {
  const distances = all.map((each) => Math.abs(each - x));
  return all.length ? distances.indexOf(Math.min(...distances)) : null;
}

/** Room for a tip: two lines on a narrow page. */
export const tipHeight = (width: number) => (width < 520 ? 38 : 19);

/** What is said about the mark that is pointed at; its room is there before. */
export function Tip({ children }: { children: ComponentChildren }) {
  return (
    <p class="tip" aria-live="polite">
      {children}
    </p>
  );
}
