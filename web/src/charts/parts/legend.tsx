/** What the marks of a picture mean, beside samples of them. */
import type { ComponentChildren } from "preact";

export interface Entry {
  /** Class of the sample. */
  mark: string;
  shape?: "box" | "line" | "dot" | "diamond" | "triangle";
  name: string;
  /** A figure, and where its items are. */
  value?: string;
  href?: string;
}

const SHAPES: Record<NonNullable<Entry["shape"]>, (mark: string) => ComponentChildren> = {
  box: (mark) => <rect class={mark} width="12" height="12" rx="2" />,
  line: (mark) => <line class={mark} x2="12" y1="6" y2="6" />,
  dot: (mark) => <circle class={mark} cx="6" cy="6" r="4.5" />,
  diamond: (mark) => <path class={mark} d={symbol("diamond", 6, 6)} />,
  triangle: (mark) => <path class={mark} d={symbol("triangle", 6, 6)} />,
};

/** A mark that is told apart without its colour. */
export function symbol(shape: "dot" | "diamond" | "triangle", x: number, y: number, size = 5): string {
  if (shape === "diamond") return `M${x} ${y - size * 1.2}l${size * 1.2} ${size * 1.2}l${-size * 1.2} ${size * 1.2}l${-size * 1.2} ${-size * 1.2}z`;
  if (shape === "triangle") return `M${x} ${y - size * 1.2}l${size * 1.2} ${size * 2.1}h${-size * 2.4}z`;
  return `M${x - size} ${y}a${size} ${size} 0 1 0 ${size * 2} 0a${size} ${size} 0 1 0 ${-size * 2} 0z`;
}

/** The sample of what is drawn of another period. */
export const otherEntry = (other: { span: string } | undefined, shape: Entry["shape"] = "line"): Entry[] =>
  other ? [{ mark: shape === "line" ? "line line-other" : "fill-other", shape, name: other.span }] : [];

const LETTER = 7;

/** About how high a legend with these names is, so that nothing jumps when it comes. */
export function legendHeight(width: number, names: string[]): number {
  let [lines, filled] = [1, 0];
  for (const name of names) {
    const wide = 20 + name.length * LETTER;
    if (filled + wide > width) [lines, filled] = [lines + 1, 0];
    filled += wide + 16;
  }
  return lines * 23;
}

export function Legend({ entries }: { entries: Entry[] }) {
  return (
    <ul class="legend">
      {entries.map(({ mark, shape = "box", name, value, href }) => (
        <li key={name}>
          <svg class="chart" width="12" height="12" aria-hidden="true">
            {SHAPES[shape](mark)}
          </svg>
          {href ? <a href={href}>{name}</a> : name}
          {value && <strong>{value}</strong>}
        </li>
      ))}
    </ul>
  );
}
