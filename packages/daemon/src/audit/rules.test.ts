import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Rule } from './rule.ts';
import { CONTAINER_RULES, type ContainerSubject } from './rules/container.ts';
import { HOST_RULES, type HostSubject } from './rules/host.ts';
import { IMAGE_RULES, type ImageSubject } from './rules/image.ts';
import { NETWORK_RULES, type NetworkSubject } from './rules/network.ts';
import { allRules, rulesPage } from './table.ts';
import { BAD_CONTAINER, GOOD_CONTAINER } from './testing/container.ts';
import { BAD_HOST, GOOD_HOST } from './testing/host.ts';
import { BAD_IMAGE, GOOD_IMAGE } from './testing/image.ts';
import { BAD_NETWORK, GOOD_NETWORK } from './testing/network.ts';

function broken<Subject>(rules: readonly Rule<Subject>[], subject: unknown): string[] {
  return rules.filter(({ find }) => find(subject as Subject).length > 0).map(({ id }) => id);
}

const CASES = [
  ['container', CONTAINER_RULES as Rule<ContainerSubject>[], GOOD_CONTAINER, BAD_CONTAINER],
  ['image', IMAGE_RULES as Rule<ImageSubject>[], GOOD_IMAGE, BAD_IMAGE],
  ['network', NETWORK_RULES as Rule<NetworkSubject>[], GOOD_NETWORK, BAD_NETWORK],
  ['host', HOST_RULES as Rule<HostSubject>[], GOOD_HOST, BAD_HOST],
] as const;

test.each(CASES)(
  'rules of a %s: each is silent on the good case and fires on its bad one',
  (_, rules, good, bad) => {
    expect(broken<never>(rules as never, good)).toEqual([]);
    expect(Object.keys(bad).sort()).toEqual((rules as readonly { id: string }[]).map(({ id }) => id).sort());
    for (const [id, change] of Object.entries(bad)) {
      const subject = structuredClone(good) as never;
      change(subject);
      expect({ id, broken: broken<never>(rules as never, subject) }).toEqual({
        id,
        broken: expect.arrayContaining([id]),
      });
    }
  },
);

test('every rule has a page entry, made of the table', () => {
  expect(new Set(allRules().map(({ Id }) => Id)).size).toBe(allRules().length);
  const page = readFileSync(join(import.meta.dirname, '../../docs/audit.md'), 'utf8');
  expect(page).toBe(rulesPage());
});
