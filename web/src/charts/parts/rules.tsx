/** Horizontal lines with names: percentiles, limits, promises. */
import { type Box } from "./frame";

export interface Rule {
  name: string;
  value: number;
  /** The line that matters. */
  strong?: boolean;
}

export type Percentile = "p50" | "p85" | "p95";

/** Too few items for this percentile: it would say no more than the longest of them. */
export const weak = (data: { low_confidence: string[] }, name: Percentile) => data.low_confidence.includes(name);

const APART = 14;

/** Room for the names beside the picture; in a narrow one they stand within it. */
export const ruleRoom = (width: number) => (width >= 440 ? 108 : 8);

export function Rules({ rules, y, box, width }: { rules: Rule[]; y: (value: number) => number; box: Box; width: number }) {
  const beside = width >= 440;
  const sorted = [...rules].sort((one, other) => other.value - one.value);
  let lowest = -Infinity;
  return (
    <g>
      {sorted.map(({ name, value, strong }) => {
        const at = y(value);
        lowest = Math.max(beside ? at : at - 7, lowest + APART); // names give way to one another
        return (
          <g key={name}>
            <line class={strong ? "rule promise" : "rule soft"} x1={box.left} x2={box.right} y1={at} y2={at} />
            <text
              class={`label ${strong ? "strong" : ""}`}
              x={beside ? box.right + 5 : box.right}
              y={lowest}
              dy="0.35em"
              text-anchor={beside ? "start" : "end"}
            >
              {name}
            </text>
          </g>
        );
      })}
    </g>
  );
}
