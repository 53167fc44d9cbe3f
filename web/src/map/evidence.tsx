/** What speaks for a stage being the bottleneck: never the verdict without it. */
import type { components } from "../api/schema";
import { duration } from "../format/duration";
import { count, percent, signed } from "../format/number";

type Bottleneck = components["schemas"]["BottleneckAnswer"];

const TITLES: Record<string, string> = {
  constraint: "The constraint",
  longest_stage: "The longest stage",
  growing_queue: "A growing queue",
  none_clear: "No clear bottleneck",
  insufficient_data: "Too early to name a bottleneck",
};

export function Evidence({ found }: { found: Bottleneck }) {
  const clock = found.definitions.clock;
  const limits = found.stages.some((stage) => stage.wip_limit !== null);
  return (
    <section class="panel" aria-labelledby="evidence">
      <h2 id="evidence">
        {TITLES[found.verdict]}
        {found.stage && `: ${found.stage}`}
      </h2>
      <p>{found.claim}</p>
      <div class="scroll" tabIndex={0} role="region" aria-label="Evidence by stage">
        <table>
          <thead>
            <tr>
              <th scope="col">Stage</th>
              <th scope="col">Share of the time in doing</th>
              <th scope="col" class="number">
                Per item
              </th>
              <th scope="col" class="number" title="share of bootstrap resamples in which this stage is the longest">
                Longest in
              </th>
              <th scope="col" class="number" title="arrivals − departures on full days">
                Net flow
              </th>
              {limits && (
                <th scope="col" class="number">
                  At its limit
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {found.stages.map((stage) => (
              <tr key={stage.stage_id}>
                <th scope="row">{stage.stage}</th>
                <td>
                  <div class="share-cell">
                  <span class="number">{percent(stage.time_share)}</span>
                  <svg class="share" width="100%" height="14" aria-hidden="true">
                    <rect
                      class={stage.category === "wait" ? "fill-wait" : "fill-active"}
                      width={`${(stage.time_share ?? 0) * 100}%`}
                      height="14"
                      rx="2"
                    />
                  </svg>
                  </div>
                </td>
                <td class="number">{duration(stage.time_avg, clock)}</td>
                <td class="number">
                  {percent(stage.longest_confidence)}
                  {stage.is_longest && " ✓"}
                </td>
                <td class="number">
                  {signed(count(Math.abs(stage.net_flow)), stage.net_flow)}
                  {stage.is_growing && " ✓"}
                </td>
                {limits && (
                  <td class="number">
                    {percent(stage.time_at_limit)}
                    {stage.is_at_limit && " ✓"}
                  </td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="small muted">
        A tick: stronger than chance. {count(found.needed.finished_items)} finished items on {count(found.needed.full_days)} full days;{" "}
        {count(found.needed.finished_items_needed)} and {count(found.needed.full_days_needed)} are needed.
      </p>
    </section>
  );
}
