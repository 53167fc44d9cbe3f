/** Whether what could be promised before the window was kept in it, for all items and by type. */
import type { Answer } from "../api/client";
import { duration } from "../format/duration";
import { count, decimal, percent } from "../format/number";
import { go } from "../state/filters";
import { type Context, type PictureProps, define, otherOf } from "./chart";
import { RowScale, Rows, WalkRows, rowMiddle, rowsHeight } from "./parts/bars";
import { useCursor } from "./parts/cursor";
import { Drawing, rowBox } from "./parts/frame";
import { Legend, legendHeight, otherEntry, symbol } from "./parts/legend";
import { rowScale } from "./parts/scale";
import { withType } from "./parts/series";
import { tipHeight } from "./parts/walk";

type Data = Answer<"/api/v1/metrics/predictability">;
type Kept = Pick<Data, "expectation" | "sle_attainment" | "verdict" | "spread"> & { name: string; type?: string };

const VERDICTS = {
  predictable: "predictable",
  unpredictable: "unpredictable",
  no_expectation: "too few finished before for a promise",
  nothing_finished: "nothing finished",
};

const KEPT = "kept, with its 95\u202f% interval";

function rowsOf(data: Data): Kept[] {
  return [{ ...data, name: "all items" }, ...(data.groups ?? []).map((each) => ({ ...each, name: each.type }))];
}

function answer(data: Data, { clock }: Context): string {
  const { expectation, sle_attainment: kept, verdict } = data;
  if (verdict === "nothing_finished") return "No item was finished in this window.";
  if (expectation.hours === null || kept.share === null) {
    return `Too few items were finished in the 90 days before this window to promise anything: ${count(expectation.sample_size)}, and it takes ${count(expectation.needed)}.`;
  }
  const stated = data.stated_service_level;
  const team = stated?.kept === null || !stated ? "" : ` The stated ${count(stated.percent)}\u202f% in ${duration(stated.hours, clock)} ${stated.kept ? "was" : "was not"} kept.`;
  return `${count(kept.within)} of ${count(kept.finished)} items (${percent(kept.share)}) took at most the ${duration(expectation.hours, clock)} promised to ${percent(expectation.p)}: ${VERDICTS[verdict]}.${team}`;
}

function Picture({ data, width, context }: PictureProps<Data>) {
  const rows = rowsOf(data);
  const height = rowsHeight(rows.length);
  const box = rowBox(width, height);
  const x = rowScale(1, box);
  const { p } = data.expectation;
  const other = otherOf<Data>(context);
  const before = new Map((other ? rowsOf(other.data) : []).map((each) => [each.name, each.sle_attainment.share]));
  const open = (place: number) => {
    const type = rows[place]?.type;
    const link = data.links.throughput;
    if (link) go(context.itemsHref(type ? withType(link, type) : link));
  };
  const cursor = useCursor(rows.length, open, 0);
  const here = rows[cursor.place ?? -1];
  return (
    <>
      <WalkRows
        cursor={cursor}
        label="Promises, for all items and by type"
        width={width}
        number={rows.length}
        open={open}
        verb="opens the finished items of"
        tip={
          here && (
            <>
              <strong>{here.name}</strong>: {count(here.sle_attainment.within)} of {count(here.sle_attainment.finished)} within {duration(here.expectation.hours, context.clock)}; the true share is{" "}
              {percent(here.sle_attainment.low)} to {percent(here.sle_attainment.high)}
            </>
          )
        }
      >
        <Drawing width={width} height={height} label={context.said}>
          <RowScale x={x} ticks={[0, 0.25, 0.5, 0.75, 1]} box={box} format={percent} />
          {rows.map((each, place) => (
            // in each row apart: names and figures stand between them
            <line key={each.name} class="rule promise" x1={x(p)} x2={x(p)} y1={rowMiddle(place) - 11} y2={rowMiddle(place) + 11} />
          ))}
          <Rows
            rows={rows.map((each) => ({
              name: each.name,
              figure: each.sle_attainment.share === null ? VERDICTS[each.verdict] : `${percent(each.sle_attainment.share)} within ${duration(each.expectation.hours, context.clock)}`,
            }))}
            box={box}
            chosen={cursor.place}
          >
            {rows.map(({ name }, place) => {
              const share = before.get(name) ?? null;
              return share !== null && <path key={name} class="fill-other" d={symbol("diamond", x(share), rowMiddle(place) + 9, 4)} />;
            })}
            {rows.map(({ name, sle_attainment: { share, low, high }, verdict }, place) => {
              if (share === null || low === null || high === null) return null;
              const y = rowMiddle(place);
              const good = verdict === "predictable";
              return (
                <g key={name}>
                  <rect class={good ? "fill-active faint" : "fill-bad faint"} x={x(low)} width={x(high) - x(low)} y={y - 7} height="14" rx="3" />
                  <path class={good ? "fill-active" : "fill-bad"} d={symbol(good ? "dot" : "triangle", x(share), y, 5)} />
                </g>
              );
            })}
          </Rows>
        </Drawing>
      </WalkRows>
      <Legend
        entries={[
          { mark: "rule promise", shape: "line", name: `promised: ${percent(p)}` },
          { mark: "fill-active", shape: "dot", name: KEPT },
          { mark: "fill-bad", shape: "triangle", name: "not kept" },
          ...otherEntry(other, "diamond"),
        ]}
      />
    </>
  );
}

export const predictability = define({
  id: "predictability",
  title: "Predictability",
  endpoint: "/api/v1/metrics/predictability",
  query: () => ({ group_by: "type" as const }),
  about:
    "Before the window began, the 90 days before it allowed a promise: the share at the green line takes at most so long. The mark is the share of the window's items that did; the bar around it is where the true share lies, given so few items. It is predictable if the bar reaches the line. Types have promises of their own.",
  answer,
  empty: (data) => rowsOf(data).every((each) => each.sle_attainment.share === null),
  Picture,
  figures: (data) => [
    { name: "kept", value: data.sle_attainment.share, kind: "share" },
    { name: "promise", value: data.expectation.hours, kind: "hours" },
    { name: "finished", value: data.sle_attainment.finished, kind: "count" },
    ...(data.groups ?? []).map((each) => ({ name: `kept, ${each.type}`, value: each.sle_attainment.share, kind: "share" as const })),
  ],
  height: (width) => rowsHeight(5) + tipHeight(width) + legendHeight(width, ["promised: 85 %", KEPT, "not kept"]),
  table: (data, { clock }) => ({
    caption: "Promises and how they were kept",
    head: ["Items", "Promise", "Kept", "Finished", "Share", "At least", "At most", "p85 / p50", "Verdict"],
    rows: rowsOf(data).map(({ name, expectation, sle_attainment: kept, spread, verdict }) => [
      name,
      duration(expectation.hours, clock),
      count(kept.within),
      count(kept.finished),
      ...[kept.share, kept.low, kept.high].map(percent),
      decimal(spread),
      VERDICTS[verdict],
    ]),
  }),
});
