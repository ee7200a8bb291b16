import { createHash } from 'node:crypto';
import { page, policy } from './documentation-page.ts';

const script = /<script>([\s\S]*)<\/script>/.exec(page())?.[1] ?? '';

test('the page runs its own script and no other', () => {
  expect(policy).toContain(`script-src 'sha256-${createHash('sha256').update(script).digest('base64')}'`);
  expect(policy).toContain("default-src 'none'");
  expect(page()).toContain('<meta name="viewport" content="width=device-width');
});

test('its search shows the operations that have every word', () => {
  interface Node {
    tagName: string;
    textContent: string;
    hidden: boolean;
    nextElementSibling: Node | null;
  }
  const nodes = [...page().matchAll(/<h2 id="[^"]*">([^<]*)<\/h2>|<details>([\s\S]*?)<\/details>/g)].map(
    ([, head, details]): Node => ({
      tagName: head ? 'H2' : 'DETAILS',
      textContent: (head ?? details ?? '').replace(/<[^>]*>/g, ' '),
      hidden: false,
      nextElementSibling: null,
    }),
  );
  nodes.forEach((node, index) => {
    node.nextElementSibling = nodes[index + 1] ?? null;
  });
  let search = () => undefined as unknown;
  const box = {
    value: '',
    setAttribute: () => undefined,
    addEventListener: (_: string, listener: () => unknown) => {
      search = listener;
    },
  };
  const output = { textContent: '' };
  const document = {
    createElement: () => box,
    querySelector: (name: string) => (name === 'nav' ? { prepend: () => undefined } : output),
    querySelectorAll: (name: string) => nodes.filter(({ tagName }) => tagName === name.toUpperCase()),
  };
  new Function('document', 'addEventListener', script)(document, () => undefined);
  box.value = ' Container RENAME';
  search();
  const shown = nodes.filter(({ hidden }) => !hidden).map(({ textContent }) => textContent.trim());
  expect(shown).toEqual(['Container', expect.stringContaining('/containers/{id}/rename')]);
  expect(output.textContent).toBe('1 found');
  box.value = '';
  search();
  expect(nodes.some(({ hidden }) => hidden)).toBe(false);
});
