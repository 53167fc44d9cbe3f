/** The frame around every view. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import icon from "../icon.svg";
import { type Filters, viewHref } from "../state/filters";
import { type LiveState, useLive } from "../state/live";
import { type Theme, useTheme } from "../state/theme";
import { FilterBar } from "./filter-bar";
import { Toast } from "./toast";

const THEMES: Record<Theme, string> = { system: "Auto", light: "Light", dark: "Dark" };

const LIVE: Record<LiveState, { text: string; meaning: string }> = {
  connecting: { text: "Connecting", meaning: "Waiting for the service" },
  live: { text: "Live", meaning: "Moves show as they happen" },
  offline: { text: "Offline", meaning: "No word from the service; what you see is the last that was known" },
};

interface Props {
  filters: Filters;
  views: { id: string; title: string }[];
  children: ComponentChildren;
}

export function Layout({ filters, views, children }: Props) {
  const [theme, setTheme] = useTheme();
  const [open, setOpen] = useState(false);
  const live = useLive(filters.stream);
  return (
    <div class={filters.kiosk ? "kiosk" : ""}>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class="head">
        <a class="brand" href={viewHref(filters, "map")}>
          <img src={icon} alt="" />
          VSM Service
        </a>
        <nav class="nav grow" aria-label="Views">
          {views.map(({ id, title }) => (
            <a key={id} href={viewHref(filters, id)} aria-current={filters.view === id ? "page" : undefined}>
              {title}
            </a>
          ))}
        </nav>
        <span class="live" data-state={live} title={LIVE[live].meaning} role="status">
          {LIVE[live].text}
        </span>
        <button class="narrow-only" aria-expanded={open} onClick={() => setOpen(!open)}>
          Filters
        </button>
        <select
          aria-label="Theme"
          value={theme}
          onChange={(event) => setTheme(event.currentTarget.value as Theme)}
        >
          {Object.entries(THEMES).map(([id, name]) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      </header>
      <div class={open ? "filters open" : "filters"}>
        <FilterBar filters={filters} />
      </div>
      <main id="main" tabIndex={-1}>
        {children}
      </main>
      <footer class="foot">
        Dates are in the value stream's time zone. Every number comes from <a href="/docs">the API</a>.
      </footer>
      <Toast />
    </div>
  );
}
