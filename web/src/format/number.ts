/** Numbers as people read them: thin spaces, units, no false precision. */

export const THIN = "\u202f";
export const NONE = "–";

const group = (digits: string) => digits.replace(/\B(?=(\d{3})+(?!\d))/g, THIN);

/** 12 345; null is a dash. */
export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? NONE : group(Math.round(value).toString());
}

/** 12.3; with as many decimals as asked for. */
export function decimal(value: number | null | undefined, digits = 1): string {
  if (value === null || value === undefined) return NONE;
  const [whole, part] = value.toFixed(digits).split(".");
  return part ? `${group(whole ?? "")}.${part}` : group(whole ?? "");
}

/** 83 % of a share from 0 to 1; small ones keep a decimal. */
export function percent(share: number | null | undefined): string {
  if (share === null || share === undefined) return NONE;
  const value = share * 100;
  const digits = value !== 0 && Math.abs(value) < 1 ? 1 : 0;
  return `${value.toFixed(digits)}${THIN}%`;
}

/** +3, −3 or ±0: a real minus sign, so that columns align. */
export function signed(text: string, value: number): string {
  if (value === 0) return `±${text}`;
  return value > 0 ? `+${text}` : `−${text.replace(/^[-−]/, "")}`;
}

/** "1 item", "2 items". */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}
