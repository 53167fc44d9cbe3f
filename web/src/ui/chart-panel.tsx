/** A chart with everything around it: its finding, its states, and what can be done with it. */
import { useMemo, useRef, useState } from "preact/hooks";
import { useAnswers } from "../api/use-answers";
import { useApi } from "../api/use-api";
import type { AnyChart, Context } from "../charts/chart";
import { compared, comparedTable } from "../charts/parts/compare";
import { spanOf } from "../format/instant";
import { type Filters, itemsHref, viewHref, windowQuery } from "../state/filters";
import { Explain, type Explanation } from "./explain";
import { useWidth } from "./measure";
import { copyCurl, saveCsv, saveSvg } from "./save";
import { savePng } from "./save-png";
import { Nothing, ProblemNote, Skeleton } from "./states";
import { TableView } from "./table-view";
import { useCompared } from "./use-compared";

type Below = "explain" | "table" | null;

const WALL_WIDTH = 960;

export function ChartPanel({ chart, filters }: { chart: AnyChart; filters: Filters }) {
  const query = { ...windowQuery(filters), ...chart.query?.(filters) };
  const reading = useApi(chart.endpoint, query as never);
  const first = reading.data as Explanation | undefined;
  const beside = useAnswers((first && chart.beside?.(filters, first)) ?? [], first?.as_of);
  const data = chart.beside && !beside.answers ? undefined : first;
  const { other, problem: otherProblem } = useCompared(chart, filters, data);
  const problem = reading.problem ?? beside.problem;
  const [frame, room] = useWidth<HTMLDivElement>();
  // a wall screen shows the same drawing larger, not a wider one
  const width = filters.kiosk ? Math.min(room, WALL_WIDTH) : room;
  const [below, setBelow] = useState<Below>(null);
  const context = useMemo<Context>(() => {
    const plain: Context = {
      clock: data?.definitions.clock ?? "elapsed",
      zone: data?.timezone ?? "UTC",
      itemHref: (id) => viewHref(filters, "item", { item: id }),
      itemsHref: (link) => itemsHref(filters, link),
      beside: beside.answers ?? [],
      said: "",
      other,
    };
    return { ...plain, said: data ? `${chart.answer(data, plain)} ${difference(chart, data, plain)}`.trim() : "" };
  }, [data, filters, beside.answers, other?.data, other?.beside]);
  const picture = useRef<HTMLDivElement>(null);
  const heading = `chart-${chart.id}`;
  const toggle = (what: Below) => setBelow(below === what ? null : what);
  const keep = (how: (drawing: SVGSVGElement, name: string) => void) => {
    const svg = picture.current?.querySelector("svg");
    if (svg) how(svg, chart.id);
  };
  const drawable = data !== undefined && !chart.empty(data, context);

  return (
    <section class="panel" aria-labelledby={heading} data-stale={reading.stale} data-chart={chart.id}>
      <header>
        <div class="row">
          <h2 id={heading}>
            <a class="quiet" href={viewHref(filters, "flow", { chart: chart.id })}>
              {chart.title}
            </a>
          </h2>
          <div class="tools">
            <button class="plain" aria-expanded={below === "explain"} disabled={!data} onClick={() => toggle("explain")}>
              Explain
            </button>
            <button class="plain" aria-expanded={below === "table"} disabled={!drawable} onClick={() => toggle("table")}>
              Table
            </button>
            <Menu
              items={[
                { label: "Copy as curl", run: () => copyCurl(reading.address) },
                { label: "Download CSV", run: () => saveCsv(reading.address, chart.id) },
                ...(drawable
                  ? [
                      { label: "Download SVG", run: () => keep(saveSvg) },
                      { label: "Download PNG", run: () => keep(savePng) },
                    ]
                  : []),
              ]}
            />
          </div>
        </div>
        {data ? (
          <p class="answer">
            {chart.answer(data, context)} {other && <span class="compared">{difference(chart, data, context)}</span>}
          </p>
        ) : !problem && <div class="skeleton line" />}
      </header>
      {otherProblem && <ProblemNote problem={otherProblem} />}
      {problem && <ProblemNote problem={problem} retry={reading.reload} />}
      <div class="picture" ref={frame}>
        <div ref={picture}>
          {drawable && width > 0 && <chart.Picture data={data} width={width} context={context} />}
          {!data && !problem && <Skeleton height={chart.height(width || 480)} />}
          {data && !drawable && <Nothing height={chart.height(width || 480)} />}
        </div>
      </div>
      {data && below === "explain" && <Explain about={chart.about} data={data} filters={filters} unit={chart.unit} />}
      {data && below === "table" && other && chart.figures && (
        <TableView {...comparedTable(...bothFigures(chart.figures, data, context), [spanOf(data, context.zone), other.span], context.clock)} />
      )}
      {data && below === "table" && <TableView {...chart.table(data, context)} />}
    </section>
  );
}

function bothFigures(figures: NonNullable<AnyChart["figures"]>, data: Explanation, context: Context) {
  const there = { ...context, beside: context.other?.beside ?? [] };
  return [figures(data, context), figures(context.other?.data as Explanation, there)] as const;
}

/** What differs from the other period, in a sentence; empty when nothing is compared. */
function difference(chart: AnyChart, data: Explanation, context: Context): string {
  if (!context.other || !chart.figures) return "";
  return compared(...bothFigures(chart.figures, data, context), context.other.span, context.clock);
}

function Menu({ items }: { items: { label: string; run: () => void }[] }) {
  const details = useRef<HTMLDetailsElement>(null);
  const close = () => details.current?.removeAttribute("open");
  return (
    <details
      class="menu"
      ref={details}
      onKeyDown={(event) => event.key === "Escape" && close()}
      onFocusOut={(event) => !details.current?.contains(event.relatedTarget as Node | null) && close()}
    >
      <summary class="button plain" aria-label="More">
        ⋯
      </summary>
      <div class="menu-items">
        {items.map(({ label, run }) => (
          <button
            class="plain"
            key={label}
            onClick={() => {
              run();
              close();
            }}
          >
            {label}
          </button>
        ))}
      </div>
    </details>
  );
}
