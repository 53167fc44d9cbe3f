/** The front page: how work flows, where it waits, and what needs a look. */
import { useMemo, useRef } from "preact/hooks";
import { useApi } from "../api/use-api";
import { day, spanOf } from "../format/instant";
import { plural } from "../format/number";
import { Answers } from "../map/answers";
import { Evidence } from "../map/evidence";
import { type MapAnswer, arrange } from "../map/geometry";
import { useMotion } from "../map/motion";
import { MapPicture, Marks } from "../map/picture";
import { StageTable } from "../map/stage-table";
import { TimeBar } from "../map/time-bar";
import { Totals } from "../map/totals";
import { mapComparison } from "../state/comparison";
import { type Filters, windowQuery } from "../state/filters";
import { latestMoves } from "../state/live";
import { MadeUp } from "../ui/demo";
import { Explain } from "../ui/explain";
import { OldNews } from "../ui/old-news";
import { useWidth } from "../ui/measure";
import { copyCurl, saveCsv, saveSvg } from "../ui/save";
import { savePng } from "../ui/save-png";
import { ProblemNote, Skeleton } from "../ui/states";
import { Toolbar } from "../ui/toolbar";
import { Ticker } from "../ui/ticker";
import { EmptyStream } from "./empty-stream";

const ABOUT =
  "Stages in their order: boxes where work is done, triangles where it waits, with the number of items in them. Each dot is an item in process. Red arrows are work that came back, the thicker the more. The ladder below adds up to the lead time: waits above, process times below, means per finished item. Process time is time in active stages, whether or not anybody worked: an upper bound.";

/** More items than this are counted, not drawn one by one. */
const MOST_DOTS = 3000;
const NONE: NonNullable<DrawnProps["aging"]>["items"] = [];
const WALL_WIDTH = 1300;

export function MapView({ filters }: { filters: Filters }) {
  const query = windowQuery(filters);
  const reading = useApi("/api/v1/value-stream-map", {
    ...query,
    ...mapComparison(filters),
  });
  const map = reading.data;
  const aging = useApi("/api/v1/metrics/aging", query);
  const bottleneck = useApi("/api/v1/metrics/bottleneck", query);
  const stages = useApi("/api/v1/stages", { stream: filters.stream });
  const limits = useMemo(
    // a limit is about items of all types
    () => new Map((filters.type.length ? [] : (stages.data ?? [])).flatMap((stage) => (stage.wip_limit === null ? [] : [[stage.name, stage.wip_limit]]))),
    [stages.data, filters.type.length],
  );
  if (map && isEmpty(map)) return <EmptyStream filters={filters} />;
  return (
    <>
      <h1 class="unseen">Value stream map</h1>
      {reading.problem && <ProblemNote problem={reading.problem} retry={reading.reload} />}
      <OldNews told={map} filters={filters} />
      {map ? (
        <Answers map={map} aging={aging.data} bottleneck={bottleneck.data} filters={filters} />
      ) : (
        !reading.problem && <Skeleton height={150} />
      )}
      <section class="panel" aria-labelledby="map-title" data-stale={reading.stale}>
        <header class="row">
          <h2 id="map-title" class="grow">
            Value stream map
          </h2>
          {map && (
            <span class="muted small">
              {day(map.period_start, map.timezone)} to {day(map.period_end, map.timezone)}, {map.timezone}
              {map.partial && "; not over yet"}
              {map.before_first_data && "; it begins before the first item"}
              {map.comparison && `; differences to ${spanOf(map.comparison, map.timezone)}`}
            </span>
          )}
        </header>
        {map ? (
          <Drawn map={map} aging={aging.data} bottleneck={bottleneck.data} limits={limits} filters={filters} address={reading.address} />
        ) : (
          !reading.problem && <Skeleton height={420} />
        )}
      </section>
      <div class="map-below">
        {bottleneck.data && <Evidence found={bottleneck.data} />}
        <Ticker filters={filters} zone={map?.timezone} />
      </div>
      <MadeUp stream={filters.stream} />
    </>
  );
}

function isEmpty(map: MapAnswer): boolean {
  return map.last_event_at === null;
}

type DrawnProps = Omit<Parameters<typeof MapPicture>[0], "geometry"> & { address: string };

function Drawn({ address, ...props }: DrawnProps) {
  const { map, aging, filters } = props;
  const [frame, width] = useWidth<HTMLDivElement>();
  // a wall screen shows the same drawing larger, not a wider one
  const room = filters.kiosk ? Math.min(width || 800, WALL_WIDTH) : width || 800;
  const dotted = aging && aging.items.length <= MOST_DOTS ? aging.items : NONE;
  const geometry = useMemo(() => arrange(map, dotted, room), [map, dotted, room]);
  const picture = useRef<HTMLDivElement>(null);
  useMotion(picture, geometry, latestMoves());
  const take = (save: typeof saveSvg) => {
    const svg = picture.current?.querySelector("svg");
    if (svg) save(svg, "value-stream-map");
  };
  return (
    <>
      <Totals map={map} />
      <div ref={frame}>
        <div class="map-scroll picture" ref={picture} tabIndex={0} role="region" aria-label="Value stream map, drawn">
          {width > 0 && <MapPicture {...props} geometry={geometry} />}
        </div>
      </div>
      {geometry.width > room && <p class="muted small no-print">{`${plural(map.stages.length, "stage")}: scroll sideways to see all of them.`}</p>}
      {dotted.length > 0 && <Marks />}
      <TimeBar map={map} />
      <Toolbar
        explain={<Explain about={ABOUT} data={map} filters={filters} />}
        table={<StageTable map={map} />}
        actions={[
          { label: "Copy as curl", run: () => copyCurl(address) },
          { label: "Download CSV", run: () => saveCsv(`${address}${address.includes("?") ? "&" : "?"}format=csv`, "value-stream-map") },
          {
            label: "Download SVG",
            run: () => take(saveSvg),
          },
          { label: "Download PNG", run: () => take(savePng) },
        ]}
      />
    </>
  );
}
