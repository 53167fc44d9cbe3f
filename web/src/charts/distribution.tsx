/** What kind of work was finished. */
import type { Answer } from "../api/client";
import { count, percent, plural } from "../format/number";
import { go } from "../state/filters";
import { type PictureProps, define, otherOf } from "./chart";
import { Rows, WalkRows, rowMiddle, rowsHeight } from "./parts/bars";
import { useCursor } from "./parts/cursor";
import { Drawing, rowBox } from "./parts/frame";
import { Legend, otherEntry } from "./parts/legend";
import { withType } from "./parts/series";
import { tipHeight } from "./parts/walk";

type Data = Answer<"/api/v1/metrics/distribution">;

const ITEMS: Record<string, string> = { feature: "features", defect: "defects", unclassified: "neither" };

function answer(data: Data): string {
  if (data.throughput === 0) return "No item was finished in this window.";
  const shares = data.flow_items.map((each) => `${percent(each.share)} ${ITEMS[each.flow_item] ?? each.flow_item}`);
  return `Of ${plural(data.throughput, "finished item")}, ${shares.join(", ")}.`;
}

const MARKS: Record<string, string> = { feature: "fill-active", defect: "fill-bad", unclassified: "f5" };

function Picture({ data, width, context }: PictureProps<Data>) {
  const height = rowsHeight(data.types.length, false);
  const box = rowBox(width, height);
  const open = (place: number) => {
    const type = data.types[place]?.type;
    if (type) go(context.itemsHref(withType(data.links.throughput, type)));
  };
  const cursor = useCursor(data.types.length, open, 0);
  const here = data.types[cursor.place ?? -1];
  const other = otherOf<Data>(context);
  const before = new Map(other?.data.types.map((each) => [each.type, each.share ?? 0]));
  const most = Math.max(...data.types.map((each) => each.share ?? 0), ...before.values());
  const long = (share: number) => (share / most) * (box.right - box.left);
  return (
    <WalkRows
      cursor={cursor}
      label="Types of items"
      width={width}
      number={data.types.length}
      open={open}
      verb="opens the items of"
      tip={
        here && (
          <>
            <strong>{here.type}</strong>: {count(here.throughput)} of {count(data.throughput)} finished, counted as {ITEMS[here.flow_item]}
          </>
        )
      }
    >
      <Drawing width={width} height={height} label={context.said}>
        <Rows rows={data.types.map((each) => ({ name: each.type, figure: `${percent(each.share)} · ${count(each.throughput)}` }))} box={box} chosen={cursor.place}>
          {data.types.map((each, place) => (
            <rect
              key={each.type}
              class={MARKS[each.flow_item] ?? "f5"}
              x={box.left}
              width={long(each.share ?? 0)}
              y={rowMiddle(place) - 8}
              height="16"
              rx="2"
            />
          ))}
          {data.types.map(({ type }, place) => before.has(type) && <rect key={type} class="fill-other" x={box.left} width={long(before.get(type) ?? 0)} y={rowMiddle(place) + 10} height="4" />)}
        </Rows>
      </Drawing>
      {other && <Legend entries={otherEntry(other, "box")} />}
    </WalkRows>
  );
}

export const distribution = define({
  id: "distribution",
  title: "Flow distribution",
  endpoint: "/api/v1/metrics/distribution",
  about:
    "Which kinds of work the finished items were: features, defects (bugs), and tasks and epics, which are neither. It is what the time was given to if items are of similar size: it counts items, not effort. A growing share of defects is paid for with features.",
  answer,
  empty: (data) => data.throughput === 0,
  Picture,
  figures: (data) => [
    ...data.flow_items.map((each) => ({ name: ITEMS[each.flow_item] ?? each.flow_item, value: each.share, kind: "share" as const })),
    { name: "finished", value: data.throughput, kind: "count" },
    ...data.types.map((each) => ({ name: `of type ${each.type}`, value: each.throughput, kind: "count" as const })),
  ],
  height: (width) => rowsHeight(4, false) + tipHeight(width),
  table: (data) => ({
    caption: "Finished items by type",
    head: ["Type", "Counted as", "Finished", "Share"],
    rows: data.types.map((each) => [each.type, ITEMS[each.flow_item] ?? each.flow_item, count(each.throughput), percent(each.share)]),
  }),
});
