import type { Page } from 'playwright-core';
import { TestDaemon } from '../../support/daemon.ts';
import { type Seen, suitePage } from '../../support/page.ts';

const SCRIPT = '<img src=x onerror="document.title=\'caught\'">';

let daemon: TestDaemon;
let seen: Seen;
let page: Page;

const openPage = suitePage();
beforeAll(async () => {
  daemon = await TestDaemon.start();
  await create('before', { note: SCRIPT });
  seen = await openPage(daemon);
  page = seen.page;
  page.setDefaultTimeout(10_000);
  await seen.section('Events');
});
afterAll(() => daemon?.dispose());

const create = (name: string, Labels: Record<string, string> = {}) =>
  daemon.call('POST', `/containers/create?name=${name}`, { Image: 'bb', Cmd: ['true'], Labels });
const log = () => page.getByRole('log', { name: 'Lines' });
const lines = () => log().locator('.line').allTextContents();

test('events are shown as they happen, and those before; labels in them are text', async () => {
  await log()
    .getByText(/create {2}before .*note=<img src=x/)
    .waitFor();
  expect(await page.title()).toMatch(/^Events/);
  await create('after');
  await log()
    .getByText(/create {2}after {2}image=bb/)
    .waitFor();
  await daemon.call('DELETE', '/containers/after');
  await log()
    .getByText(/destroy {2}after/)
    .waitFor();
  // Each once, in their order.
  const told = (await lines()).filter((line) => / after\b/.test(line));
  expect(told.map((line) => /container {2}(\w+)/.exec(line)![1])).toEqual(['create', 'destroy']);
  await seen.picture('events');
});

test('they are found by type and by words', async () => {
  await daemon.call('POST', '/volumes/create', { Name: 'cellar' });
  await page.getByRole('combobox', { name: 'Of' }).selectOption('volume');
  await log()
    .getByText(/^.*volume {2}create {2}cellar/)
    .waitFor();
  expect((await lines()).every((line) => line.includes('volume  '))).toBe(true);
  await page.getByRole('combobox', { name: 'Of' }).selectOption('');
  await page.getByRole('searchbox', { name: 'Find events' }).fill('CREATE -volume before');
  await page.getByText(/^1 of \d+$/).waitFor();
  await page.getByRole('searchbox', { name: 'Find events' }).fill('');
});

test('who has stopped following keeps what he reads, and hears how many came', async () => {
  await page.getByRole('checkbox', { name: 'Follow' }).uncheck();
  const before = await lines();
  await create('unseen');
  await page.getByText(/paused: 1 newer$/).waitFor();
  expect(await lines()).toEqual(before);
  await page.getByRole('checkbox', { name: 'Follow' }).check();
  await log()
    .getByText(/create {2}unseen/)
    .waitFor();
});

test('hundreds of events take a bounded part of the page and of its memory', async () => {
  const elements = await page.locator('*').count();
  // Each event of a container has its labels.
  await daemon.box(['sleep', '1000'], { Labels: { wide: 'x'.repeat(2000) } }, 'wide');
  for (let round = 0; round < 5; round++)
    await Promise.all(
      Array.from({ length: 100 }, () => daemon.call('POST', '/containers/wide/kill?signal=WINCH')),
    );
  await page.getByText(/^5\d\d of 5\d\d$/).waitFor();
  expect(await page.locator('*').count()).toBeLessThan(elements + 100);
  expect(await seen.heap()).toBeLessThan(40_000_000);
  await log().getByText('2000 characters').first().waitFor();
});
