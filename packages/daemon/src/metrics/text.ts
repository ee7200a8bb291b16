/** A family of samples in Prometheus's text format (version 0.0.4). */
export interface Family {
  name: string;
  /** `untyped` for names that another engine chose against Prometheus's rules. */
  type: 'counter' | 'gauge' | 'histogram' | 'untyped';
  help: string;
  samples: Sample[];
}

export interface Sample {
  /** Behind the family's name: `_bucket`, `_sum`, `_count`. */
  suffix?: string;
  labels?: Record<string, string>;
  value: number;
}

const escapeHelp = (text: string) => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
const escapeLabel = (text: string) => escapeHelp(text).replaceAll('"', '\\"');

/** The families as text; one without samples is left out. */
export function exposition(families: readonly Family[]): string {
  let text = '';
  for (const { name, type, help, samples } of families) {
    if (samples.length === 0) continue;
    text += `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`;
    for (const { suffix = '', labels = {}, value } of samples) {
      const pairs = Object.entries(labels).map(
        ([label, content]) => `${label}="${escapeLabel(content.toWellFormed())}"`,
      );
      text += `${name}${suffix}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${numberOf(value)}\n`;
    }
  }
  return text;
}

const numberOf = (value: number) => (value === Number.POSITIVE_INFINITY ? '+Inf' : String(value));
