/** The lead time to scale: which part of it an item spends where. */
import { duration, exactly } from "../format/duration";
import { spanOf } from "../format/instant";
import { percent } from "../format/number";
import type { MapAnswer, MapStage } from "./geometry";

interface Part {
  key: string;
  name: string;
  kind: "wait" | "active";
  hours: number;
}

type Timed = Pick<MapAnswer, "stages" | "totals">;

/** The parts of the mean lead time, in the order of the stream. */
export function partsOf({ stages, totals }: Timed): Part[] {
  const parts: Part[] = [];
  if (totals.unplaced_time) parts.push({ key: "unplaced", name: "In no stage", kind: "wait", hours: totals.unplaced_time });
  for (const stage of stages) parts.push(...partsOfStage(stage));
  return parts.filter((part) => part.hours > 0);
}

function partsOfStage(stage: MapStage): Part[] {
  const wait = stage.category === "wait" ? stage.name : `${stage.name}, blocked`;
  return [
    { key: `p${stage.id}`, name: stage.name, kind: "active", hours: stage.process_time ?? 0 },
    { key: `w${stage.id}`, name: wait, kind: "wait", hours: stage.wait_time ?? 0 },
  ];
}

export function TimeBar({ map }: { map: MapAnswer }) {
  const clock = map.definitions.clock;
  const parts = partsOf(map);
  const total = map.totals.lead_time ?? 0;
  if (total <= 0) return null;
  const other = map.comparison;
  const before = other?.totals.lead_time ?? 0;
  const longest = Math.max(total, before);
  return (
    <figure class="time-bar">
      <figcaption class="row small">
        <span>
          <strong>{duration(map.totals.lead_time, clock)}</strong> lead time per finished item, to scale
        </span>
        <ul class="legend">
          <li>
            <Key kind="wait" /> waits {duration(map.totals.wait_time, clock)} ({percent((map.totals.wait_time ?? 0) / total)})
          </li>
          <li>
            <Key kind="active" /> in process {duration(map.totals.process_time, clock)} ({percent(map.totals.activity_ratio)})
          </li>
        </ul>
      </figcaption>
      <Bar parts={parts} longest={longest} clock={clock} />
      {other && before > 0 && (
        <>
          <Bar parts={partsOf(other)} longest={longest} clock={clock} thin />
          <p class="small muted">Below: {spanOf(other, map.timezone)}, {duration(before, clock)}.</p>
        </>
      )}
    </figure>
  );
}

function Key({ kind }: { kind: Part["kind"] }) {
  return (
    <svg width="12" height="12" aria-hidden="true">
      <rect class={`part ${kind}`} width="12" height="12" rx="2" />
    </svg>
  );
}

interface BarProps {
  parts: Part[];
  longest: number;
  clock: MapAnswer["definitions"]["clock"];
  thin?: boolean;
}

function Bar({ parts, longest, clock, thin }: BarProps) {
  return (
    <ol class={thin ? "bar-parts thin" : "bar-parts"}>
      {parts.map((part) => (
        <li
          key={part.key}
          class={`bar-part ${part.kind}`}
          style={{ width: `${(part.hours / longest) * 100}%` }}
          title={`${part.name}: ${exactly(part.hours)}`}
        >
          <span>
            {part.name} <b>{duration(part.hours, clock)}</b>
          </span>
        </li>
      ))}
    </ol>
  );
}
