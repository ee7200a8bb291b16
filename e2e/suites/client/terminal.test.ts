import { until } from '../../support/daemon.ts';
import { onTerminal } from '../../support/terminal.ts';
import { clients, daemon, masked, withClients } from './setup.ts';

withClients();

describe('on a terminal', () => {
  test.each(clients)('%s: its size, its changes, and what is typed', async (client) => {
    const terminal = onTerminal(daemon, client, ['run', '-it', '--rm', '--network', 'none', 'bb', 'sh']);
    await terminal.sees('#');
    await until('the first size', () => {
      terminal.type('stty size\n');
      return /\n24 80\r/.test(terminal.output);
    });
    terminal.resize(100, 30);
    await until('the new size', () => {
      terminal.type('stty size\n');
      return /\n30 100\r/.test(terminal.output);
    });
    terminal.type('exit 6\n');
    expect(await terminal.end()).toBe(6);
  });

  test.each(clients)('%s: the detach keys leave the container running', async (client) => {
    const name = `detached-${client}`;
    const terminal = onTerminal(daemon, client, [
      'run',
      '-it',
      '--name',
      name,
      '--network',
      'none',
      '--detach-keys',
      'ctrl-x,q',
      'bb',
      'sh',
    ]);
    await terminal.sees('#');
    terminal.type('\x18q');
    expect(await terminal.end()).toBe(0);
    expect(daemon[client](['inspect', '-f', '{{.State.Running}}', name]).stdout).toBe('true\n');
    const again = onTerminal(daemon, client, ['attach', name]);
    again.type('echo ba""ck\n');
    await again.sees('back');
    again.type('\x10\x11');
    // Docker's attach, unlike its run, ends with 1 here.
    expect(await again.end()).toBe(1);
    daemon[client](['rm', '-f', name]);
  });

  test.each(clients)('%s: exec has a terminal of its own', async (client) => {
    const terminal = onTerminal(daemon, client, ['exec', '-it', 'shared', 'sh']);
    await terminal.sees('#');
    terminal.type('tty; exit 3\n');
    expect(await terminal.end()).toBe(3);
    expect(terminal.output).toContain('/dev/pts/');
  });

  test.each(clients)('%s: Ctrl-C goes to the program', async (client) => {
    const terminal = onTerminal(daemon, client, [
      'run',
      '-it',
      '--rm',
      '--network',
      'none',
      'bb',
      'sh',
      '-c',
      "trap 'echo caught; exit 8' INT; echo ready; while :; do sleep 0.1; done",
    ]);
    await terminal.sees('ready');
    terminal.type('\x03');
    await terminal.sees('caught');
    expect(await terminal.end()).toBe(8);
  });

  test('tables are the same', async () => {
    const outputs: string[] = [];
    for (const client of clients) {
      const terminal = onTerminal(daemon, client, ['images', 'bb']);
      expect(await terminal.end()).toBe(0);
      outputs.push(masked(terminal.output, client));
    }
    expect(outputs[1]).toBe(outputs[0]);
  });
});
