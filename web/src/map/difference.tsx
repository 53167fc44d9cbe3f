/** A difference to the other window: an arrow and an amount, and whether that is for the better. */

interface Props {
  x: number;
  y: number;
  change?: number | null;
  /** The amount, without its sign. */
  shown?: string;
  more?: boolean;
}

const SMALL = 0.005;

export function Difference({ x, y, change, shown, more }: Props) {
  if (change === null || change === undefined) return null;
  const same = Math.abs(change) < SMALL;
  const better = more ? change > 0 : change < 0;
  return (
    <text class={`difference ${same ? "" : better ? "better" : "worse"}`} x={x} y={y} text-anchor="end">
      {same ? "as before" : `${change > 0 ? "▲" : "▼"} ${shown}`}
    </text>
  );
}
