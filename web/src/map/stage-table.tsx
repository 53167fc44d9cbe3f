import { duration } from "../format/duration";
import { count, percent } from "../format/number";
import { TableView } from "../ui/table-view";
import type { MapAnswer } from "./geometry";

/** The map in figures. */
export function StageTable({ map }: { map: MapAnswer }) {
  const clock = map.definitions.clock;
  return (
    <>
      <TableView
        caption="The stages of the map"
        head={["Stage", "Kind", "Process time", "Wait time", "%C&A", "WIP", "Items waiting before", "Visits", "Median visit"]}
        rows={map.stages.map((stage) => [
          stage.name,
          stage.category,
          duration(stage.process_time, clock),
          duration(stage.wait_time, clock),
          percent(stage.pct_ca),
          count(stage.wip),
          count(stage.items_waiting),
          count(stage.visits),
          duration(stage.visit_time_p50, clock),
        ])}
      />
      {map.rework_loops.length > 0 && (
        <TableView
          caption="Rework"
          head={["From", "Back to", "Moves"]}
          rows={map.rework_loops.map((loop) => [loop.from_stage, loop.to_stage, count(loop.moves)])}
        />
      )}
    </>
  );
}
