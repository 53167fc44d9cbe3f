/** The latest that happened since the page was opened. */
import { minute } from "../format/instant";
import { type Filters, viewHref } from "../state/filters";
import { type LiveEvent, type NewsKind, isMove, useLiveEvents } from "../state/live";

const SHOWN = 8;

const NEWS: Record<NewsKind, string> = {
  move_voided: "a move was taken back",
  item_edited: "edited",
  item_cancelled: "cancelled",
  item_restored: "restored",
  item_blocked: "blocked",
  item_unblocked: "can go on",
  block_voided: "was not blocked",
  stream_changed: "The value stream was changed",
  demo_removed: "The made-up items were removed",
};

function told(event: LiveEvent, zone: string | undefined): string {
  if (isMove(event)) return `${event.from_stage ?? "new"} → ${event.to_stage}, ${minute(event.timestamp, zone)}`;
  return `${NEWS[event.kind]}, ${minute(event.recorded_at, zone)}`;
}

export function Ticker({ filters, zone }: { filters: Filters; zone?: string }) {
  const events = useLiveEvents();
  return (
    <section class="panel no-print" aria-labelledby="ticker">
      <h2 id="ticker">Just now</h2>
      <ul class="ticker" aria-live="polite">
        {events.length === 0 && <li>Moves show here, and on the map, as they happen.</li>}
        {events.slice(0, SHOWN).map((event, place) => (
          <li key={events.length - place}>
            {event.work_item_id !== null && event.title !== null && (
              <>
                <a href={viewHref(filters, "item", { item: event.work_item_id })}>{event.title}</a>:{" "}
              </>
            )}
            {told(event, zone)}
          </li>
        ))}
      </ul>
    </section>
  );
}
