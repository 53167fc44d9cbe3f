/** Every chart of the page, in the order in which they are shown. A chart is one file and one line here. */
import type { AnyChart } from "./chart";
import { cycleTimeScatter } from "./cycle-time-scatter";

export const charts: AnyChart[] = [
  cycleTimeScatter, //
];
