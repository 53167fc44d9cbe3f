/** What stands where there is no picture, or not a good one. */
import type { ComponentChildren } from "preact";
import type { Problem } from "../api/client";

const SHOWN = 20;

/** As high as what will come, so that nothing jumps. */
export function Skeleton({ height }: { height: number }) {
  return (
    <div role="status">
      <div class="skeleton" style={{ height: `${height}px` }} />
      <span class="unseen">Loading</span>
    </div>
  );
}

/** A picture of nothing, as high as one of something. */
export function Nothing({ height }: { height: number }) {
  return (
    <p class="nothing" style={{ height: `${height}px` }}>
      Nothing to draw.
    </p>
  );
}

export function ProblemNote({ problem, retry }: { problem: Problem; retry?: () => void }) {
  return (
    <div class="note bad stack" role="alert">
      <strong>{problem.title}</strong>
      <span>
        {problem.detail} {problem.advice}
      </span>
      {problem.errors.length > 0 && (
        <ul>
          {problem.errors.slice(0, SHOWN).map((each, place) => (
            <li key={place}>
              {each.line && `line ${each.line}${each.column ? `, column ${each.column}` : ""}: `}
              <code>{each.field}</code>: {each.message}
            </li>
          ))}
          {problem.errors.length > SHOWN && <li>and {problem.errors.length - SHOWN} more</li>}
        </ul>
      )}
      {retry && (
        <div>
          <button onClick={retry}>Try again</button>
        </div>
      )}
    </div>
  );
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <div class="note">{children}</div>;
}
