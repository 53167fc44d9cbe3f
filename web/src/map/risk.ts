/** How an item in process stands against what was promised. */
import type { components } from "../api/schema";

export type Aging = components["schemas"]["AgingWip"];
export type AgingItem = components["schemas"]["AgingItem"];
export type Risk = "late" | "risk" | "fine";

const LIKELY_LATE = 0.5;

/** late: older than the expectation; risk: rather late than on time; else fine. */
export function riskOf(item: AgingItem, aging: Aging): Risk {
  const { hours } = aging.expectation;
  if (hours !== null && item.age > hours) return "late";
  if (item.on_time_probability !== null && item.on_time_probability < LIKELY_LATE) return "risk";
  return "fine";
}

export const RISK_WORDS: Record<Risk, string> = {
  late: "older than the expectation",
  risk: "more likely late than on time",
  fine: "on its way",
};

/** Those that need a look, worst first. */
export function atRisk(aging: Aging): { item: AgingItem; risk: Risk }[] {
  const rank = { late: 0, risk: 1, fine: 2 };
  return aging.items
    .map((item) => ({ item, risk: riskOf(item, aging) }))
    .filter(({ item, risk }) => risk !== "fine" || item.blocked_since !== null)
    .sort((one, other) => rank[one.risk] - rank[other.risk] || other.item.age - one.item.age);
}
