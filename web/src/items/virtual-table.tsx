/** A table that draws only the rows in sight, so that thousands scroll smoothly. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { CellContext, Column, Row } from "./columns";

const ROW = 37;
const SPARE = 12;
const ARROWS = { ascending: " ↑", descending: " ↓", none: "" };

interface Props {
  rows: Row[];
  columns: Column[];
  sort: string;
  onSort: (key: string) => void;
  context: CellContext;
}

export function VirtualTable({ rows, columns, sort, onSort, context }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const [sight, setSight] = useState({ top: 0, height: 800 });
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const look = () => setSight({ top: element.scrollTop, height: element.clientHeight });
    look();
    const observer = new ResizeObserver(look);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const first = Math.max(0, Math.floor(sight.top / ROW) - SPARE);
  const last = Math.min(rows.length, Math.ceil((sight.top + sight.height) / ROW) + SPARE);
  const direction = (key: string) => (sort === key ? "ascending" : sort === `-${key}` ? "descending" : undefined);
  return (
    <div
      class="items"
      ref={frame}
      tabIndex={0}
      role="region"
      aria-label="Items"
      onScroll={(event) => setSight({ top: event.currentTarget.scrollTop, height: event.currentTarget.clientHeight })}
    >
      <table aria-rowcount={rows.length + 1}>
        <colgroup>
          {columns.map((column) => (
            <col key={column.key} class={`col-${column.key}`} />
          ))}
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            {columns.map((column) => (
              <th key={column.key} scope="col" class={column.number ? "number" : ""} aria-sort={direction(column.key)}>
                <button onClick={() => onSort(column.key)}>
                  {column.name}
                  <span aria-hidden="true">{ARROWS[direction(column.key) ?? "none"]}</span>
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <Space rows={first} columns={columns.length} />
          {rows.slice(first, last).map((row, place) => (
            <tr key={row.item.id} aria-rowindex={first + place + 2}>
              {columns.map((column) => {
                const Cell = column.key === "title" ? "th" : "td";
                return (
                  <Cell key={column.key} scope={column.key === "title" ? "row" : undefined} class={column.number ? "number" : ""}>
                    {column.cell(row, context)}
                  </Cell>
                );
              })}
            </tr>
          ))}
          <Space rows={rows.length - last} columns={columns.length} />
        </tbody>
      </table>
    </div>
  );
}

function Space({ rows, columns }: { rows: number; columns: number }) {
  if (rows <= 0) return null;
  return (
    <tr class="space" aria-hidden="true">
      <td colSpan={columns} style={{ height: `${rows * ROW}px` }} />
    </tr>
  );
}
