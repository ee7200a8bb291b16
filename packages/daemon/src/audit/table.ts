import type { AuditRule } from './api.ts';
import type { Rule } from './rule.ts';
import { CONTAINER_RULES } from './rules/container.ts';
import { HOST_RULES } from './rules/host.ts';
import { IMAGE_RULES } from './rules/image.ts';
import { NETWORK_RULES } from './rules/network.ts';

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
  ...shown('network', NETWORK_RULES),
  ...shown('host', HOST_RULES),
];

const KINDS = { container: 'Containers', image: 'Images', network: 'Networks', host: 'The host' };

/** Checks of Docker Bench for Security (CIS), trivy and dockle that no rule stands for, and why. */
const WITHOUT: ReadonlyArray<[checks: string, why: string]> = [
  ['CIS 1.2, 4.4, 4.12, 5.9, 5.28, 6', 'They ask for decisions that the engine knows nothing of.'],
  ['CIS 2.1', 'The daemon is root; what it does for a container it does with the rights of that container.'],
  ['CIS 2.6, 2.11', 'The storage drivers that they are about do not exist here.'],
  ['CIS 2.12', 'Plugins for authorization are not supported: see BH001, BH003 and BH020.'],
  ['CIS 2.15', 'Containers outlive the daemon always.'],
  ['CIS 2.16', 'The proxy of published ports serves what the firewall cannot, connections from this host.'],
  ['CIS 2.18', '`--experimental` lets checkpoints be made and does nothing else.'],
  ['CIS 5.1, 7', 'Swarm mode is not supported.'],
  ['CIS 5.3', 'SELinux is not supported.'],
  ['CIS 5.19', 'See BH018.'],
  ['CIS 5.23, 5.24', 'An exec ends, its event (`exec_create`) stays: watch the events.'],
  ['dockle CIS-DI-0005', 'It is about the environment of a client; see BI016.'],
  [
    'trivy DS-0006, DS-0007, DS-0009, DS-0011, DS-0012, DS-0013, DS-0014, DS-0016, DS-0021, DS-0022, DS-0023',
    'They are about the text of a Dockerfile, which an image does not keep: `berth build --check`.',
  ],
  ['trivy DS-0008', 'A port out of range is refused by the build.'],
];

/** The rules as a page of documentation. */
export function rulesPage(): string {
  let text =
    '# Rules of berth audit\n\nMade from the table in `packages/daemon/src/audit/rules`. Grades are high, medium, low and info;\n`berth audit --fail-on medium` ends with 1 where a rule of that grade or a higher one is broken.\n';
  for (const kind of ['container', 'image', 'network', 'host'] as const) {
    text += `\n## ${KINDS[kind]}\n`;
    for (const rule of allRules().filter(({ Kind }) => Kind === kind))
      text += `\n### ${rule.Id}: ${rule.Title}\n\nGrade: ${rule.Grade}.${rule.Also ? ` Elsewhere: ${rule.Also}.` : ''}\n\n${rule.Reason}\n\nIncident: ${rule.Incident}\n\nMended by: ${rule.Mend}\n`;
  }
  text += '\n## Checks of others without a rule\n\n| Checks | Why |\n| --- | --- |\n';
  for (const [checks, why] of WITHOUT) text += `| ${checks} | ${why} |\n`;
  return text;
}
