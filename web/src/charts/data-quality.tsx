/** How far the history can be trusted: every rule, and what it found. */
import { useState } from "preact/hooks";
import type { Answer } from "../api/client";
import { count, decimal, percent, plural } from "../format/number";
import { type PictureProps, define } from "./chart";
import { Rows, WalkRows, rowMiddle, rowsHeight } from "./parts/bars";
import { useCursor } from "./parts/cursor";
import { Drawing, rowBox } from "./parts/frame";
import { Legend, legendHeight } from "./parts/legend";
import { Picked } from "./parts/picked";
import { tipHeight } from "./parts/walk";

type Data = Answer<"/api/v1/data-quality">;
type Finding = Data["findings"][number];

const REST = "points kept; long bars weigh more";

const words = (rule: string) => rule.replaceAll("_", " ");
const found = ({ count: number, population, counted }: Finding) => `${count(number)} of ${count(population)} ${counted}`;

function answer(data: Data): string {
  if (data.score === null) return "There was nothing to look at in this window.";
  const worst = data.findings.filter((each) => each.points_lost > 0);
  const score = `${decimal(data.score, Number.isInteger(data.score) ? 0 : 1)} of 100 points`;
  if (!worst[0]) return `${score}: no rule found a reason for doubt.`;
  return `${score}; ${words(worst[0].rule)} ${worst.length > 1 ? "costs most" : "costs the rest"}: ${found(worst[0])}.`;
}

function Picture({ data, width, context }: PictureProps<Data>) {
  const { findings } = data;
  const height = rowsHeight(findings.length, false);
  const box = rowBox(width, height);
  const most = Math.max(...findings.map((each) => each.weight));
  const long = (points: number) => (points / most) * (box.right - box.left);
  const [open, setOpen] = useState<number | null>(null);
  const pick = (place: number) => setOpen(open === place ? null : place);
  const cursor = useCursor(findings.length, pick, 0);
  const here = findings[cursor.place ?? -1];
  const picked = findings[open ?? -1];
  return (
    <>
      <WalkRows
        cursor={cursor}
        label="Rules"
        width={width}
        number={findings.length}
        open={pick}
        verb="explains and lists what was found by"
        tip={
          here && (
            <>
              <strong>{words(here.rule)}</strong>: {decimal(here.points_lost)} of {count(here.weight)} points lost; {here.among}
            </>
          )
        }
      >
        <Drawing width={width} height={height} label={context.said}>
          <Rows rows={findings.map((each) => ({ name: words(each.rule), figure: each.population ? found(each) : "nothing to look at" }))} box={box} chosen={cursor.place ?? open}>
            {findings.map((each, place) => {
              const y = rowMiddle(place) - 5;
              const lost = long(each.points_lost);
              return (
                <g key={each.rule}>
                  {each.population > 0 && <rect class="fill-done faint" x={box.left + lost} width={long(each.weight) - lost} y={y} height="10" />}
                  {lost > 0 && <rect class="fill-bad" x={box.left} width={Math.max(2, lost)} y={y} height="10" />}
                </g>
              );
            })}
          </Rows>
        </Drawing>
      </WalkRows>
      <Legend
        entries={[
          { mark: "fill-bad", name: "points lost" },
          { mark: "fill-done faint", name: REST },
        ]}
      />
      {picked && (
        <Picked title={`${words(picked.rule)}: ${found(picked)}. ${picked.explanation}`} items={picked.items} number={picked.items_total} all={data.links[picked.rule]} context={context}>
          {picked.notes}
        </Picked>
      )}
    </>
  );
}

export const dataQuality = define({
  id: "data-quality",
  title: "Data quality",
  endpoint: "/api/v1/data-quality",
  about:
    "Rules look for signs that the history tells less than the truth: items forgotten in a stage, moves in batches, jumps over stages. A rule loses its whole weight when a fifth of what it looks at is found. The other charts are as good as this one allows. A rule, chosen, lists its items.",
  answer,
  empty: (data) => data.score === null,
  Picture,
  figures: (data) => [
    { name: "points", value: data.score, kind: "decimal" },
    ...data.findings.map((each) => ({ name: words(each.rule), value: each.count, kind: "count" as const })),
  ],
  height: (width) => rowsHeight(11, false) + tipHeight(width) + legendHeight(width, ["points lost", REST]),
  table: (data) => ({
    caption: "Rules and what they found",
    head: ["Rule", "Found", "Among", "Share", "Points lost", "Weight", "Looks for"],
    rows: data.findings.map((each) => [
      words(each.rule),
      plural(each.count, each.counted.replace(/s$/, "")),
      `${count(each.population)} ${each.among}`,
      percent(each.share),
      decimal(each.points_lost),
      count(each.weight),
      each.explanation,
    ]),
  }),
  unit: "move",
});
