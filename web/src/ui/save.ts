/** Taking things along: curl commands, CSV files, drawings. */
import { tell } from "./toast";

/** Put the request behind a view on the clipboard, as a command. */
export async function copyCurl(address: string): Promise<void> {
  const quoted = `${location.origin}${address}`.replaceAll("'", "%27");
  const command = `curl '${quoted}'`;
  try {
    await navigator.clipboard.writeText(command);
    tell("The request is on the clipboard.");
  } catch {
    prompt("The request behind this view:", command); // no clipboard without https or permission
  }
}

export function save(name: string, type: string, content: BlobPart): void {
  const address = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** Fetch the same answer as CSV and keep it as a file. */
export async function saveCsv(address: string, name: string): Promise<void> {
  const answer = await fetch(address, { headers: { Accept: "text/csv" } }).catch(() => undefined);
  if (!answer?.ok) {
    tell("The table could not be fetched.");
    return;
  }
  save(`${name}.csv`, "text/csv", await answer.text());
}

const PAINT = [
  "fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin",
  "stroke-opacity", "opacity", "font-family", "font-size", "font-weight", "text-anchor", "paint-order",
];

/** Keep a drawing as a file that looks the same without this page's styles. */
export function saveSvg(drawing: SVGSVGElement, name: string): void {
  const copy = drawing.cloneNode(true) as SVGSVGElement;
  const originals = [drawing, ...drawing.querySelectorAll<SVGElement>("*")];
  const copies = [copy, ...copy.querySelectorAll<SVGElement>("*")];
  originals.forEach((original, place) => {
    const computed = getComputedStyle(original);
    for (const property of PAINT) copies[place]?.setAttribute(property, computed.getPropertyValue(property));
    copies[place]?.removeAttribute("class");
  });
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  const ground = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  ground.setAttribute("width", "100%");
  ground.setAttribute("height", "100%");
  ground.setAttribute("fill", getComputedStyle(document.body).backgroundColor);
  copy.prepend(ground);
  save(`${name}.svg`, "image/svg+xml", new XMLSerializer().serializeToString(copy));
}
