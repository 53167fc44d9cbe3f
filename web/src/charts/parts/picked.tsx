/** The items behind a mark that was chosen, one by one. */
import type { Context } from "../chart";

const SHOWN = 40;

interface Props {
  title: string;
  items: { id: number; title: string }[];
  /** How many there are, when not all are given. */
  number?: number;
  context: Context;
  /** What else is to be said. */
  children?: string[];
}

export function Picked({ title, items, number = items.length, context, children = [] }: Props) {
  return (
    <div class="picked small" aria-live="polite">
      <strong>{title}</strong>
      {children.map((note) => (
        <p key={note}>{note}</p>
      ))}
      <ul>
        {items.slice(0, SHOWN).map(({ id, title: name }) => (
          <li key={id}>
            <a href={context.itemHref(id)}>{name}</a>
          </li>
        ))}
      </ul>
      {number > SHOWN && <p class="muted">and {number - Math.min(SHOWN, items.length)} more</p>}
    </div>
  );
}
