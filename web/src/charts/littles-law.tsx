/** Whether throughput × cycle time makes the work in process there was; and if not, why not. */
import type { Answer } from "../api/client";
import { count, decimal, percent, signed } from "../format/number";
import { go } from "../state/filters";
import { type PictureProps, define, otherOf } from "./chart";
import { RowScale, Rows, WalkRows, rowMiddle, rowsHeight } from "./parts/bars";
import { useCursor } from "./parts/cursor";
import { Drawing, rowBox } from "./parts/frame";
import { Legend, legendHeight, otherEntry, symbol } from "./parts/legend";
import { rowScale } from "./parts/scale";
import { tipHeight } from "./parts/walk";

type Data = Answer<"/api/v1/metrics/littles-law">;

const VERDICTS = {
  holds: "the averages fit together",
  wip_ageing: "work in process is ageing",
  wip_draining: "old work is being finished",
};

/** What an assumption is about, and the items that it can be looked into with. */
const ASSUMPTIONS: Record<string, { name: string; link: string }> = {
  arrivals_equal_departures: { name: "as much comes as goes", link: "started" },
  wip_unchanged: { name: "work in process stays as it was", link: "wip_at_end" },
  age_unchanged: { name: "its age stays as it was", link: "wip_at_end" },
  little_discarded: { name: "little is given up", link: "discarded" },
  consistent_units: { name: "one clock for all", link: "throughput" },
};

const HOLDS = "condition holds, within ±10\u202f%";

const TOLERANCE = 0.1;
/** Finished items that a verdict takes, beside a window long enough. */
const FEWEST = 10;

function answer(data: Data): string {
  const { avg_wip: wip, predicted_wip: predicted, gap, verdict } = data;
  if (predicted === null || gap === null) return "Nothing was finished or in process, so there is nothing to compare.";
  const compared = `The law expects ${decimal(predicted)} items in process, there were ${decimal(wip)}`;
  const why = data.sample_size < FEWEST ? "too few items" : "too short a window";
  return `${compared} (${signed(percent(Math.abs(gap)), gap)}): ${verdict ? VERDICTS[verdict] : `${why} for a verdict`}.`;
}

function Picture({ data, width, context }: PictureProps<Data>) {
  const sums = [
    { name: `${decimal(data.throughput_per_day, 2)} a day × ${decimal(data.avg_cycle_time_days)} days`, value: data.predicted_wip ?? 0, mark: "fill-done", link: "throughput" },
    { name: "average work in process", value: data.avg_wip, mark: "fill-active", link: "wip_at_end" },
  ];
  const number = sums.length + data.assumptions.length;
  const height = rowsHeight(number);
  const box = rowBox(width, height);
  const other = otherOf<Data>(context);
  const before = other ? [other.data.predicted_wip ?? 0, other.data.avg_wip] : [];
  const x = rowScale(Math.max(...sums.map((each) => each.value), ...before), box);
  const share = rowScale(1, box, -1);
  const open = (place: number) => {
    const name = sums[place]?.link ?? ASSUMPTIONS[data.assumptions[place - sums.length]?.name ?? ""]?.link;
    const link = data.links[name ?? ""];
    if (link) go(context.itemsHref(link));
  };
  const cursor = useCursor(number, open, 0);
  const told = data.assumptions[(cursor.place ?? -1) - sums.length];
  const sum = sums[cursor.place ?? -1];
  const top = rowMiddle(sums.length) - 30;
  return (
    <>
      <WalkRows
        cursor={cursor}
        label="Both sides of the law, and its conditions"
        width={width}
        number={number}
        open={open}
        verb="opens the items behind"
        tip={
          sum ? (
            <>
              {sum.name}: <strong>{decimal(sum.value, 2)} items</strong>
            </>
          ) : (
            told && (
              <>
                {ASSUMPTIONS[told.name]?.name ?? told.name}: <strong>{told.value === null ? "nothing happened" : signed(percent(Math.abs(told.value)), told.value)}</strong>, {told.holds ? "within" : "outside"} ±10{"\u202f"}%
              </>
            )
          )
        }
      >
        <Drawing width={width} height={height} label={context.said}>
          <rect class="soft-done" x={share(-TOLERANCE)} width={share(TOLERANCE) - share(-TOLERANCE)} y={top} height={box.bottom - top} />
          <RowScale x={share} ticks={[-1, -0.5, 0, 0.5, 1]} box={{ ...box, top }} format={(value) => signed(percent(Math.abs(value)), value)} />
          <Rows
            rows={[
              ...sums.map((each) => ({ name: each.name, figure: decimal(each.value) })),
              ...data.assumptions.map((each) => ({
                name: ASSUMPTIONS[each.name]?.name ?? each.name,
                figure: each.holds ? "✓ holds" : each.value === null ? "–" : `✗ ${signed(percent(Math.abs(each.value)), each.value)}`,
              })),
            ]}
            box={box}
            chosen={cursor.place}
          >
            {sums.map((each, place) => (
              <rect key={each.name} class={each.mark} x={box.left} width={Math.max(1, x(each.value) - box.left)} y={rowMiddle(place) - 8} height="16" rx="2" />
            ))}
            {before.map((value, place) => <rect key={place} class="fill-other" x={box.left} width={Math.max(1, x(value) - box.left)} y={rowMiddle(place) + 10} height="4" />)}
            {data.assumptions.map(({ name, value, holds }, place) => {
              if (value === null) return null;
              const [at, y] = [share(Math.max(-1, Math.min(1, value))), rowMiddle(sums.length + place)];
              return (
                <g key={name}>
                  <line class={`line ${holds ? "line-done" : "line-bad"}`} x1={share(0)} x2={at} y1={y} y2={y} />
                  <path class={holds ? "fill-done" : "fill-bad"} d={symbol(holds ? "dot" : "triangle", at, y, 5)} />
                </g>
              );
            })}
          </Rows>
        </Drawing>
      </WalkRows>
      <Legend
        entries={[
          { mark: "fill-done", shape: "dot", name: HOLDS },
          { mark: "fill-bad", shape: "triangle", name: "does not" },
          ...otherEntry(other, "box"),
        ]}
      />
    </>
  );
}

export const littlesLaw = define({
  id: "littles-law",
  title: "Little's law",
  endpoint: "/api/v1/metrics/littles-law",
  about:
    "In a steady flow, average work in process = throughput × average cycle time. The two upper bars compare both sides; the rows below are the conditions under which they agree, each with how far it is from being met. More in process than predicted means that items are started and not finished, so that today's cycle times look better than what comes. It describes a past window and forecasts nothing.",
  answer,
  empty: (data) => data.predicted_wip === null,
  Picture,
  figures: (data) => [
    { name: "in process on average", value: data.avg_wip, kind: "decimal" },
    { name: "expected", value: data.predicted_wip, kind: "decimal" },
    { name: "finished per day", value: data.throughput_per_day, kind: "decimal" },
    { name: "cycle time, days", value: data.avg_cycle_time_days, kind: "decimal" },
  ],
  height: (width) => rowsHeight(7) + tipHeight(width) + legendHeight(width, [HOLDS, "does not"]),
  table: (data) => ({
    caption: "Little's law and its conditions",
    head: ["What", "Figure", "Holds"],
    rows: [
      ["Throughput per day", decimal(data.throughput_per_day, 2), ""],
      ["Average cycle time, days", decimal(data.avg_cycle_time_days, 2), ""],
      ["Predicted work in process", decimal(data.predicted_wip, 2), ""],
      ["Average work in process", decimal(data.avg_wip, 2), ""],
      ...data.assumptions.map((each) => [ASSUMPTIONS[each.name]?.name ?? each.name, each.value === null ? "–" : signed(percent(Math.abs(each.value)), each.value), each.holds ? "yes" : "no"]),
      ...Object.entries(data.identity).map(([name, hours]) => [`Item-hours, ${name.replace("_", " ")}`, count(hours), ""]),
    ],
  }),
});
