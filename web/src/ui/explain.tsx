/** What is behind a number: definition, window, sample, what is left out, how fresh, and the items themselves. */
import type { components } from "../api/schema";
import { count, plural } from "../format/number";
import { minute } from "../format/instant";
import { type Filters, itemsHref } from "../state/filters";

/** The frame that every flow metric comes in. */
export type Explanation = Pick<
  components["schemas"]["MapAnswer"],
  | "period_start"
  | "period_end"
  | "timezone"
  | "as_of"
  | "partial"
  | "before_first_data"
  | "last_event_at"
  | "definitions"
  | "sample_size"
  | "excluded"
  | "low_confidence"
  | "links"
>;

/** How links are called to the items that a sample leaves out; the rest is the reason. */
const LEFT_OUT = "excluded:";

const words = (name: string) => name.replaceAll("_", " ").replace(":", ": ");

interface Props {
  about: string;
  data: Explanation;
  filters: Filters;
  /** What the sample consists of. */
  unit?: string;
}

export function Explain({ about, data, filters, unit = "item" }: Props) {
  const { definitions, timezone } = data;
  const behind = Object.entries(data.links).filter(([name]) => !name.startsWith(LEFT_OUT));
  const excluded = Object.entries(data.excluded).filter(([, number]) => number > 0);
  return (
    <div class="explain">
      <p>{about}</p>
      <dl>
        <dt>Window</dt>
        <dd>
          {minute(data.period_start, timezone)} to {minute(data.period_end, timezone)}, {timezone}
          {data.partial && "; not over yet"}
          {data.before_first_data && "; it begins before the first item"}
        </dd>
        <dt>Sample</dt>
        <dd>
          {plural(data.sample_size, unit)}
          {data.low_confidence.length > 0 && `; too few for ${data.low_confidence.map(words).join(", ")}`}
        </dd>
        <dt>Left out</dt>
        <dd class="row">
          {excluded.length === 0 && "nothing"}
          {excluded.map(([why, number]) => {
            const link = data.links[`${LEFT_OUT}${why}`];
            return (
              <span key={why}>
                {link ? <a href={itemsHref(filters, link)}>{words(why)}</a> : words(why)} {count(number)}
              </span>
            );
          })}
        </dd>
        <dt>Counting</dt>
        <dd>
          {definitions.clock === "working" ? "working time only" : "all time"}; cycle time starts at{" "}
          {definitions.start_stage ?? "no stage"} and ends when an item is first done
        </dd>
        <dt>Fresh as of</dt>
        <dd>
          {minute(data.as_of, timezone)}
          {data.last_event_at && `; newest move ${minute(data.last_event_at, timezone)}`}
        </dd>
        <dt>Items</dt>
        <dd class="row">
          {behind.map(([name, link]) => (
            <a key={name} href={itemsHref(filters, link)}>
              {words(name)}
            </a>
          ))}
        </dd>
      </dl>
    </div>
  );
}
