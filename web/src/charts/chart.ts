/** What a chart is. Each has a file of its own, and one line in index.ts. */
import type { ComponentType } from "preact";
import type { Answer, GetPath, Query } from "../api/client";
import type { Clock, Filters } from "../state/filters";
import type { Explanation } from "../ui/explain";
import type { Figure } from "./parts/compare";

/** What a chart may know beside its data. */
export interface Context {
  clock: Clock;
  /** Zone of the dates, as the answer tells it. */
  zone: string;
  /** Addresses of pages: of one item, and of the items behind a link of the API. */
  itemHref: (id: number) => string;
  itemsHref: (link: string) => string;
  /** Answers to the chart's further questions, in their order. */
  beside: unknown[];
  /** The finding in words, as it stands above: the name of the picture. */
  said: string;
  /** The period that is compared with, if any. */
  other?: Other;
}

/** Another period, to be drawn behind or beside the one that is looked at. */
export interface Other<D = unknown> {
  data: D;
  beside: unknown[];
  /** "31 Aug – 29 Sep" */
  span: string;
  /** Milliseconds from its beginning to that of the window. */
  shift: number;
}

/** The other period of a chart whose data are of this type. */
export const otherOf = <D>(context: Context) => context.other as Other<D> | undefined;

/** What is asked beside a chart's own endpoint. */
export interface Question {
  path: GetPath;
  query: Record<string, unknown>;
}

export interface PictureProps<D> {
  data: D;
  /** Pixels to draw in; the height follows from it. */
  width: number;
  context: Context;
}

/** The same in words and figures, for those who do not see the picture. */
export interface Table {
  caption: string;
  head: string[];
  /** Texts as people read them; the first column is the row's name. */
  rows: string[][];
}

export interface Chart<P extends GetPath> {
  /** As the module in app/flow is called, with hyphens. */
  id: string;
  title: string;
  endpoint: P;
  /** What is asked beside the filters. */
  query?: (filters: Filters) => Partial<Query<P>>;
  /** Further questions, which may depend on the answer. */
  beside?: (filters: Filters, data: Answer<P>) => Question[];
  /** What it is, how to read it, what it cannot tell: two or three sentences. */
  about: string;
  /** The finding in one sentence, with its figures; honest when there is none. */
  answer: (data: Answer<P>, context: Context) => string;
  /** Nothing to draw: the answer stands alone. */
  empty: (data: Answer<P>, context: Context) => boolean;
  /** A pure drawing: one SVG, no inline styles. */
  Picture: ComponentType<PictureProps<Answer<P>>>;
  table: (data: Answer<P>, context: Context) => Table;
  /** What two periods are compared by, the most telling first; unsaid: it is about now alone. */
  figures?: (data: Answer<P>, context: Context) => Figure[];
  /** Height of the picture, so that nothing jumps when it comes. */
  height: (width: number) => number;
  /** What the sample consists of, when not of items. */
  unit?: string;
}

/** A chart whose endpoint does not matter to whoever shows it. */
export interface AnyChart extends Omit<Chart<GetPath>, "answer" | "empty" | "Picture" | "table" | "figures" | "query" | "beside" | "endpoint"> {
  endpoint: GetPath;
  query?: (filters: Filters) => Record<string, unknown>;
  beside?: (filters: Filters, data: Explanation) => Question[];
  answer: (data: Explanation, context: Context) => string;
  empty: (data: Explanation, context: Context) => boolean;
  Picture: ComponentType<PictureProps<Explanation>>;
  table: (data: Explanation, context: Context) => Table;
  figures?: (data: Explanation, context: Context) => Figure[];
}

/** Check a chart against the type of its endpoint's answer, then forget that type. */
export function define<P extends GetPath>(chart: Chart<P>): AnyChart {
  return chart as unknown as AnyChart;
}
