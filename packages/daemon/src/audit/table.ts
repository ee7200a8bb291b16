import type { AuditRule } from './api.ts';
import type { Rule } from './rule.ts';
import { CONTAINER_RULES } from './rules/container.ts';
import { HOST_RULES } from './rules/host.ts';
import { IMAGE_RULES } from './rules/image.ts';

function shown<Subject>(kind: AuditRule['Kind'], rules: readonly Rule<Subject>[]): AuditRule[] {
  return rules.map(({ id, grade, title, reason, incident, mend, also = '' }) => ({
    Id: id,
    Kind: kind,
    Grade: grade,
    Title: title,
    Reason: reason,
    Incident: incident,
    Mend: mend,
    Also: also,
  }));
}

/** All rules, as they are shown. */
export const allRules = (): AuditRule[] => [
  ...shown('container', CONTAINER_RULES),
  ...shown('image', IMAGE_RULES),
  ...shown('host', HOST_RULES),
];

const KINDS = { container: 'Containers', image: 'Images', host: 'The host' };

/** The rules as a page of documentation. */
export function rulesPage(): string {
  let text =
    '# Rules of berth audit\n\nMade from the table in `packages/daemon/src/audit/rules`. Grades are high, medium, low and info;\n`berth audit --fail-on medium` ends with 1 where a rule of that grade or a higher one is broken.\n';
  for (const kind of ['container', 'image', 'host'] as const) {
    text += `\n## ${KINDS[kind]}\n`;
    for (const rule of allRules().filter(({ Kind }) => Kind === kind))
      text += `\n### ${rule.Id}: ${rule.Title}\n\nGrade: ${rule.Grade}.${rule.Also ? ` Elsewhere: ${rule.Also}.` : ''}\n\n${rule.Reason}\n\nIncident: ${rule.Incident}\n\nMended by: ${rule.Mend}\n`;
  }
  return text;
}
