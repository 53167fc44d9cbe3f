/** Every chart of the page, in the order in which they are shown. A chart is one file and one line here. */
import type { AnyChart } from "./chart";
import { cumulativeFlow } from "./cumulative-flow";
import { cycleTimeScatter } from "./cycle-time-scatter";
import { histogram } from "./histogram";
import { throughput } from "./throughput";
import { wip } from "./wip";

export const charts: AnyChart[] = [
  cycleTimeScatter, //
  histogram,
  throughput,
  wip,
  cumulativeFlow,
];
