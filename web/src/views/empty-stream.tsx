/** A stream without any move yet: three ways to begin. */
import { useApi } from "../api/use-api";
import { type Filters, viewHref } from "../state/filters";
import { MakeDemo } from "../ui/demo";
import { ImportDrop } from "../ui/import-drop";

export function EmptyStream({ filters }: { filters: Filters }) {
  const stages = useApi("/api/v1/stages", { stream: filters.stream });
  return (
    <>
      <h1 class="title">Nothing has moved here yet</h1>
      <p>
        As soon as items move through{" "}
        {stages.data ? stages.data.map((stage) => stage.name).join(" → ") : "the stages"}, the map draws itself.
      </p>
      <div class="map-below">
        <section class="panel" aria-labelledby="own">
          <h2 id="own">Bring your own history</h2>
          <ImportDrop stream={filters.stream} />
        </section>
        <section class="panel" aria-labelledby="demo">
          <h2 id="demo">Look around with a made-up year</h2>
          <p>Some 600 items that flow as work does. Nothing else is changed, and one click removes them again.</p>
          <div class="row">
            <MakeDemo stream={filters.stream} />
          </div>
          <h2>Or begin with one item</h2>
          <p>
            <a class="button" href={viewHref(filters, "board")}>
              Open the board
            </a>
          </p>
        </section>
      </div>
    </>
  );
}
