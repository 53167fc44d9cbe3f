/** How long visits to each stage last: a box from the median to the 85th percentile, a line to the 95th. */
import type { Answer } from "../api/client";
import { duration } from "../format/duration";
import { count, plural } from "../format/number";
import { go } from "../state/filters";
import { type Context, type PictureProps, define, otherOf } from "./chart";
import { RowScale, Rows, WalkRows, rowMiddle, rowsHeight } from "./parts/bars";
import { useCursor } from "./parts/cursor";
import { Drawing, rowBox } from "./parts/frame";
import { Legend, legendHeight, otherEntry } from "./parts/legend";
import { hourTicks, rowScale } from "./parts/scale";
import { tipHeight } from "./parts/walk";

type Data = Answer<"/api/v1/metrics/stages">;
type Stage = Data["stages"][number];

/** With fewer visits than these, a percentile is the tale of a single item. */
const FEW = { p50: 2, p85: 7, p95: 20 };

const HOW = "pale to 50\u202f%, full to 85\u202f%, line to 95\u202f%";

const stagesOf = (data: Data) => data.stages.filter((stage) => stage.zone !== "done");
const shown = (stage: Stage, name: keyof typeof FEW) => (stage.visits >= FEW[name] ? stage[`time_${name}`] : null);

function figure(stage: Stage, told: (hours: number | null) => string): string {
  const [p50, p85] = [shown(stage, "p50"), shown(stage, "p85")];
  if (p50 === null) return stage.visits ? plural(stage.visits, "visit") : "no visit ended";
  return p85 === null ? told(p50) : `${told(p50)} – ${told(p85)}`;
}

function answer(data: Data, { clock }: Context): string {
  const slow = stagesOf(data)
    .filter((stage) => stage.zone === "doing" && stage.time_p85 !== null)
    .sort((one, other) => (other.time_p85 ?? 0) - (one.time_p85 ?? 0))[0];
  if (!slow) return "No visit to a stage in process ended in this window.";
  const p85 = shown(slow, "p85");
  const promise = p85 === null ? `; ${plural(slow.visits, "visit")} are too few for more` : `, 85\u202f% within ${duration(p85, clock)}`;
  return `In process, visits to ${slow.name} last longest: half end within ${duration(slow.time_p50, clock)}${promise}.`;
}

/** The other period's median and 85th percentile, thin below the bar. */
function Before({ stage, x, y }: { stage: Stage | undefined; x: (hours: number) => number; y: number }) {
  const [p50, p85] = stage ? [shown(stage, "p50"), shown(stage, "p85")] : [null, null];
  if (p50 === null) return null;
  return (
    <g>
      <rect class="fill-other faint" x={x(0)} width={x(p50) - x(0)} y={y - 2} height="4" />
      {p85 !== null && <rect class="fill-other" x={x(p50)} width={Math.max(1, x(p85) - x(p50))} y={y - 2} height="4" />}
    </g>
  );
}

function Picture({ data, width, context }: PictureProps<Data>) {
  const stages = stagesOf(data);
  const height = rowsHeight(stages.length);
  const box = rowBox(width, height);
  const other = otherOf<Data>(context);
  const before = new Map((other ? stagesOf(other.data) : []).map((stage) => [stage.name, stage]));
  const x = rowScale(Math.max(...[...stages, ...before.values()].map((stage) => shown(stage, "p95") ?? shown(stage, "p85") ?? stage.time_avg ?? 0)) * 1.02, box);
  const open = (place: number) => {
    const link = data.links[`left_stage:${stages[place]?.name}`];
    if (link) go(context.itemsHref(link));
  };
  const cursor = useCursor(stages.length, open, 0);
  const here = stages[cursor.place ?? -1];
  const told = (hours: number | null) => duration(hours, context.clock);
  return (
    <>
      <WalkRows
        cursor={cursor}
        label="Stages"
        width={width}
        number={stages.length}
        open={open}
        verb="opens the items that left"
        tip={
          here && (
            <>
              <strong>{here.name}</strong>, {plural(here.visits, "visit")}: half within {told(here.time_p50)}, 85{"\u202f"}% {told(shown(here, "p85"))}, 95{"\u202f"}% {told(shown(here, "p95"))}
            </>
          )
        }
      >
        <Drawing width={width} height={height} label={context.said}>
          <RowScale x={x} ticks={hourTicks(x, width < 440 ? 4 : 7)} box={box} format={told} />
          <Rows rows={stages.map((stage) => ({ name: stage.name, figure: figure(stage, told) }))} box={box} chosen={cursor.place}>
            {stages.map((stage, place) => {
              const y = rowMiddle(place);
              const kind = stage.category === "active" ? "active" : "wait";
              const [p50, p85, p95] = [shown(stage, "p50"), shown(stage, "p85"), shown(stage, "p95")];
              return (
                <g key={stage.name}>
                  {p50 !== null && <rect class={`soft-${kind}`} x={x(0)} width={x(p50) - x(0)} y={y - 7} height="14" />}
                  {p50 !== null && p85 !== null && <rect class={`fill-${kind}`} x={x(p50)} width={Math.max(1, x(p85) - x(p50))} y={y - 7} height="14" />}
                  {p85 !== null && p95 !== null && <path class={`line line-${kind}`} d={`M${x(p85)} ${y}H${x(p95)}M${x(p95)} ${y - 5}v10`} />}
                  {p50 !== null && <path class={`line line-${kind}`} d={`M${x(p50)} ${y - 9}v18`} />}
                  <Before stage={before.get(stage.name)} x={x} y={y + 12} />
                </g>
              );
            })}
          </Rows>
        </Drawing>
      </WalkRows>
      <Legend
        entries={[
          { mark: "fill-active", name: "work" },
          { mark: "fill-wait", name: "waiting" },
          { mark: "line line-muted", shape: "line", name: HOW },
          ...otherEntry(other, "box"),
        ]}
      />
    </>
  );
}

export const stageTimes = define({
  id: "stage-times",
  title: "Time per stage",
  endpoint: "/api/v1/metrics/stages",
  about:
    "How long visits to a stage lasted that ended in the window. The pale bar reaches to the median, the full one to the 85th percentile, the line to the 95th; a percentile that so few visits cannot support is not drawn. Items that come back visit a stage again, so these are not times per item. Work stages count all time in them, whether or not anybody worked.",
  answer,
  empty: (data) => stagesOf(data).every((stage) => stage.visits === 0),
  Picture,
  figures: (data) =>
    // the slowest first, as in the answer
    [...stagesOf(data)]
      .sort((one, other) => Number(other.zone === "doing") - Number(one.zone === "doing") || (other.time_p85 ?? 0) - (one.time_p85 ?? 0))
      .flatMap((stage) => [
        { name: `85\u202f% of ${stage.name}`, value: shown(stage, "p85"), kind: "hours" as const },
        { name: `half of ${stage.name}`, value: shown(stage, "p50"), kind: "hours" as const },
      ]),
  height: (width) => rowsHeight(5) + tipHeight(width) + legendHeight(width, ["work", "waiting", HOW]),
  table: (data, { clock }) => ({
    caption: "Time per visit and stage",
    head: ["Stage", "Visits", "Mean", "50 %", "85 %", "95 %", "Mean per finished item"],
    rows: stagesOf(data).map((stage) => [
      stage.name,
      count(stage.visits),
      duration(stage.time_avg, clock),
      ...(["p50", "p85", "p95"] as const).map((name) => duration(shown(stage, name), clock)),
      duration(stage.item_time_avg, clock),
    ]),
  }),
});
