// From when on things are too new: a day or a moment, as users write it.

/**
 * The moment from which on things are too new, in milliseconds since 1970: a day counts to its end; UTC where no
 * zone is named. Undefined for what is neither a day nor a moment.
 */
export function cutoff(text: string): number | undefined {
  const [, day = "", time, zone = "Z"] =
    /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:\d\d)?)?$/i.exec(text) ?? [];
  const start = Date.parse(`${day}T00:00Z`);
  if (Number.isNaN(start) || !new Date(start).toISOString().startsWith(day)) return undefined;
  const moment = time === undefined ? start + 86_400_000 : Date.parse(`${day}T${time}${zone.toUpperCase()}`);
  return Number.isNaN(moment) ? undefined : moment;
}
