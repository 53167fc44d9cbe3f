/** Items that move are seen moving: a dot flies from where it was to where it is. */
import { useLayoutEffect, useRef } from "preact/hooks";

const FLIGHT_MS = 1400;
const STAGGER_MS = 60;

interface Place {
  x: number;
  y: number;
}

/** Where an item was told to have come from and gone to, for dots that appear or vanish. */
export interface Move {
  item: number;
  from: string | null;
  to: string;
}

/**
 * Animate the difference between this drawing and the one before.
 *
 * `moves` are the latest moves; an item that appears flies in from the stage it left, one that is
 * gone flies to the stage it entered.
 */
export function useMotion(frame: { current: HTMLElement | null }, key: unknown, moves: Move[]): void {
  const before = useRef(new Map<number, Place>());
  const wide = useRef("");
  useLayoutEffect(() => {
    const root = frame.current?.querySelector<SVGSVGElement>("svg.map");
    if (!root) return;
    const dots = new Map<number, SVGElement>();
    root.querySelectorAll<SVGElement>("[data-item]").forEach((dot) => dots.set(Number(dot.dataset.item), dot));
    const now = new Map([...dots].map(([id, dot]) => [id, { x: Number(dot.dataset.x), y: Number(dot.dataset.y) }]));
    // a drawing of another width is another drawing: nothing has moved
    const width = root.getAttribute("width") ?? "";
    const first = before.current.size === 0 || wide.current !== width;
    wide.current = width;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (!first && !still) fly(root, before.current, now, dots, moves);
    before.current = now;
  }, [key]);
}

function fly(root: SVGSVGElement, before: Map<number, Place>, now: Map<number, Place>, dots: Map<number, SVGElement>, moves: Move[]): void {
  const told = new Map(moves.map((move) => [move.item, move]));
  let flights = 0;
  const launch = (dot: SVGElement, from: Place, to: Place, landed?: () => void) => {
    const flight = dot.animate(
      [{ transform: `translate(${from.x}px, ${from.y}px)` }, { transform: `translate(${to.x}px, ${to.y}px)` }],
      { duration: FLIGHT_MS, delay: STAGGER_MS * Math.min(flights++, 10), easing: "cubic-bezier(.45,.05,.25,1)", fill: "backwards" },
    );
    if (landed) flight.onfinish = landed;
  };
  for (const [id, to] of now) {
    const dot = dots.get(id);
    const from = before.get(id) ?? middleOf(root, told.get(id)?.from);
    if (dot && from && (from.x !== to.x || from.y !== to.y)) launch(dot, from, to);
  }
  for (const [id, from] of before) {
    const to = now.has(id) ? null : middleOf(root, told.get(id)?.to);
    if (!to) continue;
    const ghost = document.createElementNS("http://www.w3.org/2000/svg", "circle");
    ghost.setAttribute("class", "dot fine");
    ghost.setAttribute("r", "4.500");
    root.append(ghost);
    launch(ghost, from, to, () => ghost.remove());
  }
}

function middleOf(root: SVGSVGElement, stage: string | null | undefined): Place | null {
  if (!stage) return null;
  const box = root.querySelector<SVGGraphicsElement>(`[data-stage="${CSS.escape(stage)}"] .box`)?.getBBox();
  return box ? { x: box.x + box.width / 2, y: box.y + box.height / 2 } : null;
}
