import { spawnSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { until } from '../../support/daemon.ts';
import type { Case } from './causes.ts';
import {
  daemon,
  FOREVER,
  fence,
  folder,
  HTTPD,
  host,
  make,
  memory,
  named,
  type Options,
  published,
  sh,
  withFile,
} from './setup.ts';

const pidOf = async (id: string): Promise<number> =>
  (await daemon.call('GET', `/containers/${id}/json`)).json.State.Pid;

/** A server that shares the network of another container, which is restarted or stopped then; both. */
async function leftBehind(
  owner: string,
  action: 'restart' | 'stop',
): Promise<{ member: string; owner: string }> {
  await named(owner, published(80));
  const member = await make(HTTPD, host({ NetworkMode: `container:${owner}` }));
  await daemon.call('POST', `/containers/${owner}/${action}?t=0`);
  return { member, owner };
}

/** The port of the host and the server's processes, once it answers. */
async function untilServes(id: string): Promise<{ port: string; pids: number[] }> {
  const { json } = await daemon.call('GET', `/containers/${id}/json`);
  const port: string = json.NetworkSettings.Ports['80/tcp'][0].HostPort;
  await until('its server', async () =>
    fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    ),
  );
  const top = await daemon.call('GET', `/containers/${id}/top?ps_args=-eo%20pid,args`);
  const pids = (top.json.Processes as string[][]).filter(([, args]) => args?.startsWith('httpd'));
  return { port, pids: pids.map(([pid]) => Number(pid)) };
}

/** A container whose health check fails, once it is unhealthy. */
async function unhealthy(command: string, options: Options = {}): Promise<string> {
  const id = await make(HTTPD, {
    Healthcheck: { Test: ['CMD-SHELL', command], Interval: 1e8, Retries: 1, ...options },
  });
  await until(
    'it to be unhealthy',
    async () => (await daemon.call('GET', `/containers/${id}/json`)).json.State.Health.Status === 'unhealthy',
  );
  return id;
}

/** Riddles of every day of containers that run. */
export const COMMON_CASES: Record<string, Case> = {
  'the network of an earlier run': {
    cause: 'reach.network-left-behind',
    make: async () => (await leftBehind('again', 'restart')).member,
    evidence: /earlier run of again/,
  },
  'the network of a run that ended': {
    cause: 'reach.network-left-behind',
    make: async () => (await leftBehind('halted-owner', 'stop')).member,
    evidence: /does not run/,
  },
  'those that share the network and missed a restart': {
    cause: 'reach.network-left-behind',
    make: async () => (await leftBehind('again-owner', 'restart')).owner,
    evidence: /still in that of its earlier run/,
  },
  'a range that a firewall refuses': {
    cause: 'reach.firewall',
    make: async () => {
      const { json } = await daemon.call('POST', '/networks/create', { Name: 'fenced' });
      const range = (await daemon.call('GET', `/networks/${json.Id}`)).json.IPAM.Config[0].Subnet;
      spawnSync('nft', ['-f', '-'], {
        input: `table ip ${fence} {\n chain f {\n type filter hook forward priority 0\n ip daddr ${range} counter drop\n }\n}\n`,
      });
      return make(HTTPD, {
        ...published(80),
        HostConfig: { ...published(80).HostConfig, NetworkMode: 'fenced' },
      });
    },
    evidence: /daddr/,
  },
  'listening at the loopback of IPv6': {
    cause: 'reach.loopback',
    make: () => make(['httpd', '-f', '-p', '[::1]:80'], published(80)),
    evidence: /::1/,
  },
  'connections that nobody takes': {
    cause: 'reach.not-accepting',
    make: async () => {
      const id = await make(sh('httpd -p 80 & sleep 1000'), published(80));
      const server = await untilServes(id);
      for (const pid of server.pids) process.kill(pid, 'SIGSTOP');
      // Connections of their own: fetch would go on with one that the server has taken, and may take one more as it is stopped.
      for (let count = 0; count < 3; count++)
        connect(Number(server.port), '127.0.0.1')
          .on('error', () => undefined)
          .unref();
      return id;
    },
  },
  'a program that is stopped': {
    cause: 'reach.stopped',
    make: async () => {
      const id = await make(HTTPD, published(80));
      process.kill(await pidOf(id), 'SIGSTOP');
      return id;
    },
  },
  'ports of the network of the host': {
    cause: 'reach.host-network',
    make: () =>
      make(sh(FOREVER), {
        ...published(80),
        HostConfig: { ...published(80).HostConfig, NetworkMode: 'host' },
      }),
    query: '?question=reach',
  },
  'a folder that was replaced': {
    cause: 'write.mount-stale',
    make: async () => {
      const path = folder('replaced');
      const id = await make(sh(FOREVER), host({ Binds: [`${path}:/data`] }));
      rmSync(path, { recursive: true });
      mkdirSync(path);
      return id;
    },
  },
  'a file that was replaced': {
    cause: 'write.mount-stale',
    make: async () => {
      const path = withFile('edited');
      const id = await make(sh(FOREVER), host({ Binds: [`${path}/conf:/conf`] }));
      writeFileSync(join(path, 'new'), 'b\n');
      renameSync(join(path, 'new'), join(path, 'conf'));
      return id;
    },
  },
  'a file of another user': {
    cause: 'write.user',
    make: () =>
      make(sh(`echo >/conf; ${FOREVER}`), {
        User: '1000',
        ...host({ Binds: [`${withFile('theirs', 0o600)}/conf:/conf`] }),
      }),
    evidence: /mode 600/,
  },
  'a folder of another user below a mount': {
    cause: 'write.user',
    make: () => {
      const path = folder('shared', 0o777);
      mkdirSync(join(path, 'sub'));
      return make(sh(`echo >/data/sub/x; ${FOREVER}`), {
        User: '1000',
        ...host({ Binds: [`${path}:/data`] }),
      });
    },
    evidence: /\/data\/sub/,
  },
  'a disk that the host has read-only': {
    cause: 'write.disk-read-only',
    make: () => {
      const path = memory('read-only', 'ro');
      return make(sh(`echo >/data/x; ${FOREVER}`), host({ Binds: [`${path}:/data`] }));
    },
  },
  'processors that others use': {
    cause: 'slow.cpu-contended',
    make: async () => {
      for (let count = 0; count < 2; count++)
        await make(sh('while :; do :; done'), host({ CpusetCpus: '0' }));
      return make(sh('while :; do :; done'), host({ CpusetCpus: '0' }));
    },
    evidence: /--cpuset-cpus 0/,
  },
  'a name server of its own choice that is itself': {
    cause: 'resolve.loopback-server',
    make: () => make(sh(FOREVER), host({ NetworkMode: 'one', Dns: ['127.0.0.1'] })),
    query: '?name=db.example',
  },
  'a name server of its own choice that does not answer': {
    cause: 'resolve.server-silent',
    // An address of nobody may be answered for by the network that the tests run in.
    make: async () => {
      const mute = await make(sh(FOREVER), host({ NetworkMode: 'one' }));
      const { json } = await daemon.call('GET', `/containers/${mute}/json`);
      const address: string = json.NetworkSettings.Networks.one.IPAddress;
      return make(sh(FOREVER), host({ NetworkMode: 'one', Dns: [address] }));
    },
    query: '?name=db.example',
    evidence: /silent/,
  },
  'a name from the network of an earlier run': {
    cause: 'resolve.network-left-behind',
    make: async () => (await leftBehind('again-names', 'restart')).member,
    query: '?name=db',
  },
  'a check by a program that is not there': {
    cause: 'health.check-missing',
    make: () => unhealthy('curl -f http://localhost/ || exit 1'),
    evidence: /curl/,
  },
  'a check that takes too long': {
    cause: 'health.timeout',
    make: () => unhealthy('sleep 100', { Timeout: 1e8 }),
  },
  'a check that is not let in': {
    cause: 'health.peer-refused',
    make: () => unhealthy('wget -qO- http://127.0.0.1:81/'),
  },
  'a check that fails': { cause: 'health.failing', make: () => unhealthy('exit 7'), evidence: /exit code 7/ },
};
