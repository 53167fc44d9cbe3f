import { minute } from "../format/instant";
import { type Filters, viewHref } from "../state/filters";
import { useLiveMoves } from "../state/live";

const SHOWN = 8;

/** The latest moves since the page was opened. */
export function Ticker({ filters, zone }: { filters: Filters; zone?: string }) {
  const moves = useLiveMoves();
  return (
    <section class="panel no-print" aria-labelledby="ticker">
      <h2 id="ticker">Just now</h2>
      <ul class="ticker" aria-live="polite">
        {moves.length === 0 && <li>Moves show here, and on the map, as they happen.</li>}
        {moves.slice(0, SHOWN).map((move) => (
          <li key={move.id}>
            <a href={viewHref(filters, "item", { item: move.work_item_id })}>{move.title}</a>: {move.from_stage ?? "new"} →{" "}
            {move.to_stage}, {minute(move.timestamp, zone)}
          </li>
        ))}
      </ul>
    </section>
  );
}
