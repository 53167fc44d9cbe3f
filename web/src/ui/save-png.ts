/**
 * A drawing as a picture of pixels. Browsers do so with an image whose address is data, which this page's content
 * security policy forbids; so the shapes are painted one by one, as they are styled here.
 */
import { save } from "./save";

/** Sharp on dense screens and in print. */
const PIXELS = 2;

const number = (element: Element, name: string) => Number(element.getAttribute(name) ?? 0);

export function savePng(drawing: SVGSVGElement, name: string): void {
  const { width, height } = drawing.viewBox.baseVal;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width * PIXELS, height * PIXELS];
  const pen = canvas.getContext("2d");
  const page = drawing.getScreenCTM()?.inverse();
  if (!pen || !page) return;
  pen.fillStyle = getComputedStyle(drawing.closest(".panel") ?? document.body).backgroundColor;
  pen.fillRect(0, 0, canvas.width, canvas.height);
  for (const shape of drawing.querySelectorAll<SVGGraphicsElement>("path, rect, line, circle, text")) {
    const place = shape.getScreenCTM();
    if (!place) continue;
    pen.setTransform(new DOMMatrix([PIXELS, 0, 0, PIXELS, 0, 0]).multiply(page).multiply(place));
    paint(pen, shape, getComputedStyle(shape));
  }
  canvas.toBlob((blob) => blob && save(`${name}.png`, "image/png", blob), "image/png");
}

function paint(pen: CanvasRenderingContext2D, shape: SVGGraphicsElement, style: CSSStyleDeclaration): void {
  const opaque = Number(style.opacity);
  pen.fillStyle = style.fill === "none" ? "transparent" : style.fill;
  pen.strokeStyle = style.stroke === "none" ? "transparent" : style.stroke;
  pen.lineWidth = parseFloat(style.strokeWidth);
  pen.lineCap = style.strokeLinecap as CanvasLineCap;
  pen.lineJoin = style.strokeLinejoin as CanvasLineJoin;
  pen.setLineDash(style.strokeDasharray === "none" ? [] : style.strokeDasharray.split(/[\s,]+/).map(parseFloat));
  const fill = { alpha: opaque * Number(style.fillOpacity), draw: (path: Path2D) => pen.fill(path), write: "fillText" } as const;
  const stroke = { alpha: opaque * Number(style.strokeOpacity), draw: (path: Path2D) => pen.stroke(path), write: "strokeText" } as const;
  const path = pathOf(shape);
  for (const step of style.paintOrder.startsWith("stroke") ? [stroke, fill] : [fill, stroke]) {
    pen.globalAlpha = step.alpha;
    if (path) step.draw(path);
    else write(pen, shape, style, step.write);
  }
}

function pathOf(shape: SVGGraphicsElement): Path2D | null {
  const of = (name: string) => number(shape, name);
  if (shape instanceof SVGTextElement) return null;
  if (shape instanceof SVGPathElement) return new Path2D(shape.getAttribute("d") ?? "");
  const path = new Path2D();
  if (shape instanceof SVGRectElement) path.roundRect(of("x"), of("y"), of("width"), of("height"), of("rx"));
  if (shape instanceof SVGCircleElement) path.arc(of("cx"), of("cy"), of("r"), 0, 2 * Math.PI);
  if (shape instanceof SVGLineElement) {
    path.moveTo(of("x1"), of("y1"));
    path.lineTo(of("x2"), of("y2"));
  }
  return path;
}

const ALIGN: Record<string, CanvasTextAlign> = { start: "left", middle: "center", end: "right" };

function write(pen: CanvasRenderingContext2D, text: SVGGraphicsElement, style: CSSStyleDeclaration, how: "fillText" | "strokeText"): void {
  pen.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  pen.textAlign = ALIGN[style.textAnchor] ?? "left";
  const down = parseFloat(text.getAttribute("dy") ?? "0") * parseFloat(style.fontSize); // always in em
  pen[how](text.textContent ?? "", number(text, "x"), number(text, "y") + down);
}
