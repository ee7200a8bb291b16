// gitlab-runner's docker executor, which gets its jobs from a coordinator that stands here.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { end, note, step } from './steps.ts';

const program = process.env['GITLAB_RUNNER']!;
const docker = (...args: string[]) => execFileSync('docker', args, { encoding: 'utf8' }).trim();
note('client', /Version: +(\S+)/.exec(execFileSync(program, ['--version'], { encoding: 'utf8' }))?.[1] ?? '');

/** A job as the coordinator hands it out: without sources, by a script alone. */
const job = (id: number, script: string[], more: object = {}) => ({
  id,
  token: `job-${id}`,
  allow_git_fetch: false,
  job_info: { name: `job${id}`, stage: 'test', project_id: 1, project_name: 'project' },
  git_info: {
    repo_url: 'http://127.0.0.1/none.git',
    ref: 'main',
    sha: '0'.repeat(40),
    before_sha: '0'.repeat(40),
  },
  runner_info: { timeout: 120 },
  variables: [
    { key: 'GIT_STRATEGY', value: 'none', public: true },
    { key: 'CI_PROJECT_DIR', value: '/builds/project', public: true },
  ],
  steps: [{ name: 'script', script, timeout: 120, when: 'on_success', allow_failure: false }],
  image: { name: 'bb:latest' },
  ...more,
});
const jobs = [
  job(1, ['echo begun in $PWD', 'cat /etc/hostname | wc -l', 'echo kept > /cache/f']),
  job(2, ['echo why', 'exit 6']),
  job(3, ['for i in 1 2 3 4 5; do nc -z side 80 && break; sleep 1; done; wget -qO- http://side'], {
    services: [{ name: 'served:latest', alias: 'side' }],
  }),
];
const states = new Map<number, string>();
const traces = new Map<number, string>();
const coordinator = createServer(async (request, reply) => {
  const body = await text(request);
  const id = Number(/\/jobs\/(\d+)/.exec(request.url ?? '')?.[1]);
  if (request.url?.endsWith('/jobs/request')) {
    const next = jobs.shift();
    reply
      .writeHead(next ? 201 : 204, { 'content-type': 'application/json' })
      .end(next && JSON.stringify(next));
  } else if (request.url?.includes('/trace')) {
    traces.set(id, (traces.get(id) ?? '') + body);
    reply.writeHead(202, { range: `0-${Buffer.byteLength(traces.get(id)!)}`, 'job-status': 'running' }).end();
  } else {
    const { state } = JSON.parse(body || '{}');
    if (state && state !== 'running') states.set(id, state);
    reply.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  }
}).listen(0, '127.0.0.1');

mkdirSync('served');
writeFileSync(
  'served/Dockerfile',
  'FROM bb\nRUN mkdir /w && echo page > /w/index.html\nEXPOSE 80\nCMD ["httpd", "-f", "-p", "80", "-h", "/w"]\n',
);
execFileSync('docker', ['build', '-q', '-t', 'served', 'served'], { stdio: 'ignore' });
const config = join(process.cwd(), 'config.toml');
writeFileSync(
  config,
  `concurrent = 1
check_interval = 1
[[runners]]
  name = "here"
  url = "http://127.0.0.1:${(coordinator.address() as AddressInfo).port}"
  token = "runner"
  executor = "docker"
  shell = "sh"
  [runners.docker]
    host = "${process.env['DOCKER_HOST']}"
    image = "bb:latest"
    helper_image = "${process.env['GITLAB_RUNNER_HELPER_IMAGE'] ?? 'bb:latest'}"
    pull_policy = "never"
    volumes = ["/cache"]
`,
);
const runner = spawn(program, ['run', '--config', config, '--working-directory', process.cwd()], {
  stdio: ['ignore', 'ignore', 'inherit'],
});
for (let tries = 0; states.size < 3 && tries < 1000; tries++)
  await new Promise((resolve) => setTimeout(resolve, 100));
for (const id of [1, 2, 3])
  await step(`job ${id}`, () => ({
    state: states.get(id),
    trace: (traces.get(id) ?? '')
      .replace(/\x1b\[[0-9;]*[A-Za-z]/g, '')
      .split('\n')
      .filter((line) => /begun|why|page|exit code|^\d+$/.test(line)),
  }));
runner.kill('SIGQUIT');
await new Promise((resolve) => runner.once('exit', resolve));
await step('no container is left', () =>
  docker('ps', '-aq', '--filter', 'label=com.gitlab.gitlab-runner.managed=true'),
);
end();
