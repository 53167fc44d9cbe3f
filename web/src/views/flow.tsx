/** All charts, or one of them large. */
import { charts } from "../charts";
import { type Filters, viewHref } from "../state/filters";
import { ChartPanel } from "../ui/chart-panel";

export function FlowView({ filters }: { filters: Filters }) {
  const one = charts.find((chart) => chart.id === filters.all.get("chart"));
  if (one) {
    return (
      <>
        <h1 class="title">
          {one.title} <a class="small" href={viewHref(filters, "flow")}>all charts</a>
        </h1>
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
