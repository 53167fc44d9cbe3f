/** One item on the board. */
import type { Item } from "../api/use-items";
import { duration } from "../format/duration";
import { RISK_WORDS, type Risk } from "../map/risk";

interface Props {
  item: Item;
  href: string;
  risk: Risk | null;
  /** Why it cannot go on. */
  blocked: string | null;
  /** Move one stage on (1) or back (-1). */
  step: (by: 1 | -1) => void;
  onMove: () => void;
  onCancel?: () => void;
}

const HOUR_MS = 3_600_000;

export function Card({ item, href, risk, blocked, step, onMove, onCancel }: Props) {
  const since = item.current_stage_since;
  const inStage = since ? (Date.now() - Date.parse(since)) / HOUR_MS : null;
  return (
    <li
      class={`card ${risk ?? ""}`}
      draggable
      data-item={item.id}
      onDragStart={(event) => event.dataTransfer?.setData("text/plain", String(item.id))}
      onKeyDown={(event) => {
        if (!event.shiftKey || (event.key !== "ArrowRight" && event.key !== "ArrowLeft")) return;
        event.preventDefault();
        step(event.key === "ArrowRight" ? 1 : -1);
      }}
    >
      <a href={href} draggable={false}>
        {item.title}
      </a>
      <div class="row small">
        <span class="tag">{item.type}</span>
        <span class="muted">{item.finished_at && !risk ? "done" : duration(inStage)}</span>
        {risk && risk !== "fine" && (
          <span class="tag bad" title={RISK_WORDS[risk]}>
            {risk === "late" ? "late" : "at risk"}
          </span>
        )}
        {blocked !== null && (
          <span class="tag wait" title={blocked}>
            blocked
          </span>
        )}
        <span class="grow" />
        <button class="plain" onClick={onMove} aria-label={`Move ${item.title}`}>
          Move
        </button>
        {onCancel && (
          <button class="plain" onClick={onCancel} aria-label={`Cancel ${item.title}`}>
            Cancel
          </button>
        )}
      </div>
    </li>
  );
}
