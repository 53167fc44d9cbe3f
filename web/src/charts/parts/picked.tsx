/** The items behind a mark that was chosen, one by one. */
import type { Context } from "../chart";

const SHOWN = 40;

interface Props {
  title: string;
  items: { id: number; title: string }[];
  /** How many there are, when not all are given. */
  number?: number;
  /** Where the API lists all of them. */
  all?: string | undefined;
  context: Context;
  /** What else is to be said. */
  children?: string[];
}

export function Picked({ title, items, number = items.length, all, context, children = [] }: Props) {
  const shown = items.slice(0, SHOWN);
  const more = `and ${number - shown.length} more`;
  return (
    <div class="picked small" aria-live="polite">
      <strong>{title}</strong>
      {children.map((note) => (
        <p key={note}>{note}</p>
      ))}
      <ul>
        {shown.map(({ id, title: name }) => (
          <li key={id}>
            <a href={context.itemHref(id)}>{name}</a>
          </li>
        ))}
      </ul>
      {number > shown.length && <p class="muted">{all ? <a href={`${all}&limit=500`}>{more}</a> : more}</p>}
    </div>
  );
}
