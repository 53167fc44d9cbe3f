/** The value stream map, in the notation that lean people know. */
import type { components } from "../api/schema";
import { duration, exactly } from "../format/duration";
import { fitted } from "../charts/parts/frame";
import { count, percent, plural } from "../format/number";
import { type Filters, itemsHref, viewHref } from "../state/filters";
import { Difference } from "./difference";
import { type Column, type Geometry, type MapAnswer, type MapStage } from "./geometry";
import { type Aging, RISK_WORDS, riskOf } from "./risk";

type Bottleneck = components["schemas"]["BottleneckAnswer"];

export interface MapPictureProps {
  map: MapAnswer;
  geometry: Geometry;
  aging: Aging | undefined;
  bottleneck: Bottleneck | undefined;
  limits: Map<string, number>;
  filters: Filters;
}

const VERDICTS: Record<string, string> = {
  constraint: "Constraint",
  longest_stage: "Longest stage",
  growing_queue: "Queue grows",
};

export function MapPicture(props: MapPictureProps) {
  const { map, geometry: g } = props;
  return (
    <svg class="chart map" width={g.width} height={g.height} viewBox={`0 0 ${g.width} ${g.height}`} role="group" aria-label="Value stream map">
      <Loops geometry={g} />
      {g.columns.slice(1).map((column, place) => (
        <PushArrow key={column.stage.id} from={g.columns[place]} to={column} y={g.boxTop + 20} />
      ))}
      {g.columns.map((column) => (
        <StageBox key={column.stage.id} column={column} {...props} />
      ))}
      <Ladder geometry={g} clock={map.definitions.clock} />
    </svg>
  );
}

function Loops({ geometry }: { geometry: Geometry }) {
  return (
    <g>
      {geometry.loops.map((loop) => (
        <g key={loop.from + loop.to}>
          <title>{`${plural(loop.moves, "move")} back from ${loop.from} to ${loop.to}`}</title>
          <path class="loop" d={loop.path} stroke-width={loop.width} />
          <path class="fill-bad" d={loop.head} />
          <text class="label strong" x={loop.label.x} y={loop.label.y} text-anchor="middle">
            {count(loop.moves)} back
          </text>
        </g>
      ))}
    </g>
  );
}

function PushArrow({ from, to, y }: { from: Column | undefined; to: Column; y: number }) {
  if (!from) return null;
  const [x1, x2] = [from.left + from.width + 5, to.left - 5];
  return <path class="push" d={`M${x1} ${y - 4}H${x2 - 9}V${y - 9}L${x2} ${y}L${x2 - 9} ${y + 9}V${y + 4}H${x1}Z`} />;
}

function StageBox({ column, map, geometry: g, aging, bottleneck, limits, filters }: MapPictureProps & { column: Column }) {
  const { stage } = column;
  const named = bottleneck?.stage === stage.name || bottleneck?.seen_in === stage.name;
  const verdict = named ? (bottleneck?.stage === stage.name ? VERDICTS[bottleneck.verdict] : "Its queue") : undefined;
  const limit = limits.get(stage.name);
  const over = limit !== undefined && stage.wip !== null && stage.wip > limit;
  const link = map.links[`in_stage:${stage.name}`];
  const clock = map.definitions.clock;
  return (
    <g data-stage={stage.name}>
      <a href={link ? itemsHref(filters, link) : undefined}>
        <title>{describe(stage, limit, clock)}</title>
        {stage.category === "wait" ? (
          <Triangle column={column} geometry={g} limit={limit} />
        ) : (
          <rect
            class={`box ${stage.category === "done" ? "done" : "active"}${over ? " over" : ""}${verdict ? " found" : ""}`}
            x={column.left}
            y={g.boxTop}
            width={column.width}
            height={g.boxHeight}
            rx="6"
          />
        )}
        {stage.category !== "wait" && (
          <path
            class={stage.category === "done" ? "fill-done" : "fill-active"}
            d={`M${column.left} ${g.boxTop + 6}q0 -6 6 -6h${column.width - 12}q6 0 6 6v0h${-column.width}z`}
          />
        )}
        <StageName column={column} y={g.boxTop + (stage.category === "wait" ? 62 : 28)} />
        <Figures column={column} map={map} geometry={g} limit={limit} />
      </a>
      {verdict && (
        <g>
          <rect class="flag" x={column.x - 54} y={g.boxTop + g.boxHeight - 9} width="108" height="18" rx="9" />
          <text class="flag-text" x={column.x} y={g.boxTop + g.boxHeight + 4} text-anchor="middle">
            {verdict}
          </text>
        </g>
      )}
      {aging && <Dots column={column} aging={aging} filters={filters} clock={clock} />}
    </g>
  );
}

function describe(stage: MapStage, limit: number | undefined, clock: MapAnswer["definitions"]["clock"]): string {
  const parts = [stage.name];
  if (stage.process_time) parts.push(`process time ${duration(stage.process_time, clock)} per item`);
  if (stage.wait_time) parts.push(`wait ${duration(stage.wait_time, clock)} per item`);
  if (stage.pct_ca !== null) parts.push(`${percent(stage.pct_ca)} complete and accurate`);
  if (stage.wip !== null) parts.push(`${plural(stage.wip, "item")} here`);
  if (limit !== undefined) parts.push(`limit ${limit}`);
  return parts.join(", ");
}

function Triangle({ column, geometry: g, limit }: { column: Column; geometry: Geometry; limit?: number }) {
  const full = limit !== undefined && (column.stage.wip ?? 0) >= limit;
  const half = (column.stage.wip ?? 0) >= 1000 || limit !== undefined ? 32 : 24; // the number has to fit
  return (
    <g>
      <rect class="box wait" x={column.left} y={g.boxTop} width={column.width} height={g.boxHeight} rx="6" />
      <path class="triangle" d={`M${column.x} ${g.boxTop + 4}L${column.x + half} ${g.boxTop + 45}H${column.x - half}Z`} />
      <text class={full ? "inventory alarm" : "inventory"} x={column.x} y={g.boxTop + 38} text-anchor="middle">
        {count(column.stage.wip)}
        {limit !== undefined && `/${limit}`}
      </text>
    </g>
  );
}

function StageName({ column, y }: { column: Column; y: number }) {
  return (
    <text class="stage-name" x={column.x} y={y} text-anchor="middle">
      {fitted(column.stage.name, column.width - 4, 8.6)}
    </text>
  );
}

/** Name, value, and what it was in the other window. */
interface Figure {
  name: string;
  value: string;
  title?: string;
  change?: number | null;
  shown?: string;
  /** Less is better, unless said otherwise. */
  more?: boolean;
  bad?: boolean;
}

function figures(stage: MapStage, map: MapAnswer, limit: number | undefined): Figure[] {
  const clock = map.definitions.clock;
  const other = map.comparison?.stage_differences.find((each) => each.id === stage.id);
  const hours = (change: number | null | undefined) => ({ change, shown: duration(Math.abs(change ?? 0), clock) });
  const found: Figure[] = [];
  if (stage.category === "done") {
    const first = map.stages.find((each) => each.category === "done")?.id === stage.id;
    return first ? [{ name: "Finished", value: count(map.totals.items_finished) }] : [];
  }
  const wait = { name: "Wait", value: duration(stage.wait_time, clock), title: exactly(stage.wait_time), ...hours(other?.wait_time) };
  if (stage.category === "wait") found.push(wait);
  else found.push({ name: "Process", value: duration(stage.process_time, clock), title: exactly(stage.process_time), ...hours(other?.process_time) });
  const share = other?.pct_ca;
  found.push({ name: "%C&A", value: percent(stage.pct_ca), change: share, shown: percent(Math.abs(share ?? 0)), more: true });
  if (stage.category === "active") {
    const full = limit !== undefined && stage.wip !== null && stage.wip >= limit;
    found.push({
      name: "WIP",
      value: limit === undefined ? count(stage.wip) : `${count(stage.wip)} of ${limit}`,
      change: other?.wip,
      shown: count(Math.abs(other?.wip ?? 0)),
      bad: full,
    });
  }
  return found;
}

function Figures({ column, map, geometry: g, limit }: { column: Column; map: MapAnswer; geometry: Geometry; limit?: number }) {
  const start = g.boxTop + (column.stage.category === "wait" ? 82 : 50);
  return (
    <g>
      {figures(column.stage, map, limit).map((figure, place) => {
        const y = start + place * g.pitch;
        return (
          <g key={figure.name}>
            <title>{figure.title ?? `${figure.name}: ${figure.value}`}</title>
            <text x={column.left + 8} y={y}>
              {figure.name}
            </text>
            <text class={figure.bad ? "value alarm" : "value"} x={column.left + column.width - 8} y={y} text-anchor="end">
              {figure.value}
            </text>
            {map.comparison && <Difference {...figure} x={column.left + column.width - 8} y={y + 14} />}
          </g>
        );
      })}
    </g>
  );
}

interface DotsProps {
  column: Column;
  aging: Aging;
  filters: Filters;
  clock: MapAnswer["definitions"]["clock"];
}

/** A dot for each item in process; what needs a look differs in shape as well as in colour. */
function Dots({ column, aging, filters, clock }: DotsProps) {
  return (
    <g>
      {column.dots.map(({ item, x, y }) => {
        const risk = riskOf(item, aging);
        const blocked = item.blocked_since !== null;
        return (
          <a key={item.id} class="dot-link" href={viewHref(filters, "item", { item: item.id })} tabindex={-1} aria-hidden="true">
            <title>{`${item.title}: ${duration(item.age, clock)} old, ${RISK_WORDS[risk]}${blocked ? ", blocked" : ""}`}</title>
            <path class={`dot ${risk}`} data-item={item.id} data-x={x} data-y={y} transform={`translate(${x} ${y})`} d={SHAPES[risk]} />
            {blocked && <path class="blocked" d={`M${x - 4} ${y - 4}l8 8m0 -8l-8 8`} />}
          </a>
        );
      })}
      {column.more > 0 && (
        <text class="strong" x={column.left + column.width - 8} y={column.dots.at(-1)?.y} dy="0.35em" text-anchor="end">
          +{count(column.more)}
        </text>
      )}
    </g>
  );
}

/** What the marks in the boxes mean. */
export function Marks() {
  return (
    <ul class="legend marks">
      {(["fine", "risk", "late"] as const).map((risk) => (
        <li key={risk}>
          <svg width="14" height="14" viewBox="-7 -7 14 14" aria-hidden="true">
            <path class={`dot ${risk}`} d={SHAPES[risk]} />
          </svg>
          {RISK_WORDS[risk]}
        </li>
      ))}
      <li>
        <svg width="14" height="14" viewBox="-7 -7 14 14" aria-hidden="true">
          <path class="blocked" d="M-4 -4l8 8m0 -8l-8 8" />
        </svg>
        blocked
      </li>
    </ul>
  );
}

const SHAPES = {
  fine: "M4.500 0a4.500 4.500 0 1 1 -9 0a4.500 4.500 0 1 1 9 0Z",
  risk: "M0 -5.500L5.500 0L0 5.500L-5.500 0Z",
  late: "M-4.600 -4.600H4.600V4.600H-4.600Z",
};

interface LadderProps {
  geometry: Geometry;
  clock: MapAnswer["definitions"]["clock"];
}

/** Waits above, process times below: together the lead time. */
function Ladder({ geometry: g, clock }: LadderProps) {
  const { upper, lower } = g.ladder;
  const steps = g.columns.map((column) => ({ ...column, up: column.stage.category === "wait" }));
  const level = (up: boolean) => (up ? upper : lower);
  const path = steps
    .map(({ left, width, up }, place) => {
      const [from, to] = [left - 18, left + width + 18];
      return `${place === 0 ? "M" : "L"}${from} ${level(up)}L${to} ${level(up)}`;
    })
    .join("");
  return (
    <g role="group" aria-label="Time ladder">
      <path class="ladder" d={path} />
      {steps.map(({ stage, x, up }) => {
        if (stage.category === "done") return null;
        const hours = up ? stage.wait_time : stage.process_time;
        return (
          <g key={stage.id}>
            <title>{exactly(hours)}</title>
            <text class={up ? "rung wait" : "rung"} x={x} y={level(up) + (up ? -7 : 17)} text-anchor="middle">
              {duration(hours, clock)}
              {!up && stage.wait_time ? ` + ${duration(stage.wait_time, clock)} blocked` : ""}
            </text>
          </g>
        );
      })}
    </g>
  );
}

