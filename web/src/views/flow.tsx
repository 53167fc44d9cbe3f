/** All charts, or one of them large. */
import { charts } from "../charts";
import { type Filters, viewHref } from "../state/filters";
import { ChartPanel } from "../ui/chart-panel";

export function FlowView({ filters }: { filters: Filters }) {
  const one = charts.find((chart) => chart.id === filters.all.get("chart"));
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
      <div class="charts">
        {charts.map((chart) => (
          <ChartPanel key={chart.id} chart={chart} filters={filters} />
        ))}
      </div>
    </>
  );
}
