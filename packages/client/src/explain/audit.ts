import type { ResponseOf } from '@berth/api-spec';
import { cell } from './rows.ts';

type Report = ResponseOf<'AuditHost'>;
type Finding = Report['Findings'][number];

/** SARIF's levels by our grades, and GitHub's scale of severity. */
const LEVELS: Record<Finding['Grade'], [level: string, severity: string]> = {
  high: ['error', '8.0'],
  medium: ['warning', '5.5'],
  low: ['note', '3.0'],
  info: ['note', '1.0'],
};

/** One report as text. */
export function auditText({ Kind, Target, Findings, Passed }: Report): string {
  let text = `${Kind} ${cell(Target)}: ${Findings.length} findings, ${Passed.length} rules hold\n`;
  for (const { Rule, Grade, Title, Reason, Mend, Evidence } of Findings) {
    text += `\n  ${Grade.padEnd(6)}  ${Rule}  ${Title}\n          ${Reason}\n`;
    for (const line of Evidence) text += `          - ${cell(line)}\n`;
    text += `          mend: ${Mend}\n`;
  }
  return text;
}

/** The reports in SARIF 2.1.0, for tools of CI. */
export function auditSarif(reports: readonly Report[]): object {
  const rules = new Map<string, Finding>();
  for (const { Findings } of reports)
    for (const finding of Findings) if (!rules.has(finding.Rule)) rules.set(finding.Rule, finding);
  const ids = [...rules.keys()];
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'berth audit',
            rules: [...rules.values()].map(({ Rule, Grade, Title, Reason, Incident, Mend }) => ({
              id: Rule,
              shortDescription: { text: Title },
              fullDescription: { text: Reason },
              help: { text: `${Mend}\n\nIncident: ${Incident}` },
              defaultConfiguration: { level: LEVELS[Grade][0] },
              properties: { 'security-severity': LEVELS[Grade][1], tags: ['security'] },
            })),
          },
        },
        results: reports.flatMap(({ Kind, Target, Findings }) =>
          Findings.map(({ Rule, Grade, Title, Mend, Evidence }) => ({
            ruleId: Rule,
            ruleIndex: ids.indexOf(Rule),
            level: LEVELS[Grade][0],
            message: {
              text: `${Kind} ${Target}: ${Title}${Evidence.length > 0 ? ` (${Evidence.join('; ')})` : ''}. Mend: ${Mend}`,
            },
            locations: [
              {
                // Tools want a file; there is none.
                physicalLocation: { artifactLocation: { uri: `${Kind}/${encodeURIComponent(Target)}` } },
                logicalLocations: [{ name: Target, kind: Kind }],
              },
            ],
            partialFingerprints: { rule: `${Kind}/${Target}/${Rule}` },
          })),
        ),
      },
    ],
  };
}
