import { auditSarif } from './audit.ts';

type Report = Parameters<typeof auditSarif>[0][number];

const finding = (Rule: string, Evidence: string[] = []) => ({
  Rule,
  Grade: 'high',
  Title: `${Rule} holds`,
  Reason: 'why',
  Incident: 'one',
  Mend: '--mend',
  Evidence,
});
const report = (Kind: string, Target: string, Findings: object[]) =>
  ({ Kind, Target, Findings, Passed: [] }) as unknown as Report;

test('results of SARIF point at their rules, of which each stands once, and at addresses that are valid', () => {
  const targets = ['a b', 'host:5000/x/y@sha256:00', '../%zz', 'ü\u0000\n', ''];
  const { runs } = auditSarif(
    targets.map((target) => report('image', target, [finding('BI001', ['x']), finding('BI002')])),
  ) as { runs: Array<{ tool: { driver: { rules: Array<{ id: string }> } }; results: Result[] }> };
  interface Result {
    ruleId: string;
    ruleIndex: number;
    message: { text: string };
    locations: Array<{ physicalLocation: { artifactLocation: { uri: string } } }>;
    partialFingerprints: Record<string, string>;
  }
  const [{ tool, results }] = runs as [(typeof runs)[0]];
  expect(tool.driver.rules.map(({ id }) => id)).toEqual(['BI001', 'BI002']);
  expect(results).toHaveLength(10);
  for (const { ruleId, ruleIndex } of results) expect(tool.driver.rules[ruleIndex]!.id).toBe(ruleId);
  // RFC 3986: the letters of a path, and whole escapes.
  for (const { locations } of results)
    expect(locations[0]!.physicalLocation.artifactLocation.uri).toMatch(
      /^image\/(?:[\w.~!$&'()*+,;=:@-]|%[0-9A-F]{2})*$/,
    );
  const prints = results.map(({ partialFingerprints }) => JSON.stringify(partialFingerprints));
  expect(new Set(prints).size).toBe(10);
  expect(results[1]!.message.text).not.toContain('()');
});
