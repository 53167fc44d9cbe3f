/** All charts, or one of them large. */
import { charts } from "../charts";
import { useApi } from "../api/use-api";
import { type Filters, viewHref, windowQuery } from "../state/filters";
import { ChartPanel } from "../ui/chart-panel";
import { OldNews } from "../ui/old-news";

export function FlowView({ filters }: { filters: Filters }) {
  const one = charts.find((chart) => chart.id === filters.all.get("chart"));
  const told = useApi("/api/v1/metrics/distribution", one ? null : windowQuery(filters));
  if (one) {
    return (
      <>
        <h1 class="unseen">{one.title}</h1>
        <p class="small back no-print">
          <a href={viewHref(filters, "flow")}>All charts</a>
        </p>
        <ChartPanel key={one.id} chart={one} filters={filters} />
      </>
    );
  }
  return (
    <>
      <h1 class="title">How work flows</h1>
      <OldNews told={told.data} filters={filters} />
      <div class="charts">
        {charts.map((chart) => (
          <ChartPanel key={chart.id} chart={chart} filters={filters} />
        ))}
      </div>
    </>
  );
}
