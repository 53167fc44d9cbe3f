/** Every chart of the page, in the order in which they are shown. A chart is one file and one line here. */
import { aging } from "./aging";
import type { AnyChart } from "./chart";
import { cumulativeFlow } from "./cumulative-flow";
import { cycleTimeScatter } from "./cycle-time-scatter";
import { dataQuality } from "./data-quality";
import { distribution } from "./distribution";
import { flowEfficiency } from "./flow-efficiency";
import { histogram } from "./histogram";
import { littlesLaw } from "./littles-law";
import { predictability } from "./predictability";
import { stageTimes } from "./stage-times";
import { throughput } from "./throughput";
import { wip } from "./wip";

export const charts: AnyChart[] = [
  cycleTimeScatter, //
  aging,
  throughput,
  wip,
  cumulativeFlow,
  stageTimes,
  histogram,
  distribution,
  flowEfficiency,
  predictability,
  littlesLaw,
  dataQuality,
];
