/** The same question about the period that is compared with. */
import { useAnswers } from "../api/use-answers";
import { useApi } from "../api/use-api";
import type { Problem } from "../api/client";
import type { AnyChart, Other } from "../charts/chart";
import { spanOf } from "../format/instant";
import { ofOther, otherEnds } from "../state/comparison";
import { type Filters, windowQuery } from "../state/filters";
import type { Explanation } from "./explain";

interface Compared {
  other: Other<Explanation> | undefined;
  problem: Problem | undefined;
}

/** Nothing while nothing is compared, or the chart is about now alone. */
export function useCompared(chart: AnyChart, filters: Filters, data: Explanation | undefined): Compared {
  const ends = data && chart.figures && otherEnds(filters, { start: data.period_start, end: data.period_end });
  const there = ends && ofOther(filters, ends);
  const query = there ? { ...windowQuery(there), ...chart.query?.(filters) } : null;
  const reading = useApi(chart.endpoint, query as never);
  const found = reading.data as Explanation | undefined;
  const beside = useAnswers((there && found && chart.beside?.(there, found)) ?? [], found?.as_of);
  const problem = there && (reading.problem ?? beside.problem);
  if (!there || !data || !found || (chart.beside && !beside.answers)) return { other: undefined, problem };
  const shift = Date.parse(data.period_start) - Date.parse(found.period_start);
  return { other: { data: found, beside: beside.answers ?? [], span: spanOf(found, data.timezone), shift }, problem };
}
