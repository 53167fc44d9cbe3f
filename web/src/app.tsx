/** The page: one frame, one view at a time. */
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { type Filters, useFilters } from "./state/filters";
import { Layout } from "./ui/layout";
import { BoardView } from "./views/board";
import { FlowView } from "./views/flow";
import { ItemView } from "./views/item";
import { ItemsView } from "./views/items";
import { MapView } from "./views/map";
import { SettingsView } from "./views/settings";
import { useKiosk } from "./ui/kiosk";

interface View {
  id: string;
  title: string;
  View: ComponentType<{ filters: Filters }>;
  /** Reached from others, not from the navigation. */
  hidden?: boolean;
}

const VIEWS: [View, ...View[]] = [
  { id: "map", title: "Map", View: MapView },
  { id: "flow", title: "Flow", View: FlowView },
  { id: "items", title: "Items", View: ItemsView },
  { id: "board", title: "Board", View: BoardView },
  { id: "settings", title: "Settings", View: SettingsView },
  { id: "item", title: "Item", View: ItemView, hidden: true },
];

export function App() {
  const filters = useFilters();
  useKiosk(filters);
  const shown = VIEWS.find((each) => each.id === filters.view) ?? VIEWS[0];
  useEffect(() => {
    document.title = `${shown.title} – VSM Service`;
  }, [shown]);
  return (
    <Layout filters={{ ...filters, view: shown.id }} views={VIEWS.filter((each) => !each.hidden)}>
      <shown.View filters={filters} />
    </Layout>
  );
}
