/** A client of the Docker API and how its scenario runs. */
export interface Client {
  name: string;
  /** The file in `scenarios/`; its ending says which interpreter runs it. */
  scenario: string;
  /** The work of the scenario in a few words, for the table. */
  does: string;
  /** A program that neither Debian nor npm has: the variable with its path. */
  path?: string;
  /** Milliseconds that the scenario may take; 120,000 where it is not given. */
  ms?: number;
}

export const CLIENTS: Client[] = [
  {
    name: 'docker-py',
    scenario: 'docker-py.py',
    does: 'images, containers, exec, archives, networks, volumes, events, errors',
  },
  {
    name: 'dockerode',
    scenario: 'dockerode.ts',
    does: 'attach, exec on a terminal, logs, builds of both kinds, stats, events, pull and push, errors',
  },
  {
    name: 'ansible',
    scenario: 'ansible.sh',
    does: 'community.docker: networks, volumes, containers made once and kept, images of each way, compose',
    ms: 300_000,
  },
  {
    name: 'compose',
    scenario: 'compose.sh',
    does: 'build, health, secrets, scale, events, watch, publish, down',
    ms: 300_000,
  },
  {
    name: 'buildx',
    scenario: 'buildx.sh',
    does: 'results of each kind, secrets, caches, imagetools, bake, history, errors',
    ms: 300_000,
  },
  {
    name: 'skopeo',
    scenario: 'skopeo.sh',
    does: 'images to and from folders, layouts, archives and registries',
  },
  {
    name: 'testcontainers',
    scenario: 'testcontainers.ts',
    does: 'each kind of waiting, exec, files, builds, networks, compose, and the reaper after a killed test',
    ms: 300_000,
  },
  {
    name: 'devcontainer',
    scenario: 'devcontainer.sh',
    does: 'up, exec and build by an image, a Dockerfile with a feature, and compose',
    ms: 300_000,
  },
  {
    name: 'imagebuilder',
    scenario: 'imagebuilder.sh',
    does: 'builds by containers, archives and commits',
  },
  {
    name: 'rsyslog',
    scenario: 'imdocker.sh',
    does: 'imdocker: the logs of containers from before, later, on a terminal',
  },
  {
    name: 'traefik',
    scenario: 'traefik.ts',
    does: "a proxy's way with events, labels, health and networks",
  },
  {
    name: 'lazydocker',
    scenario: 'lazydocker.ts',
    does: 'its panels on a terminal, and its keys',
    path: 'LAZYDOCKER',
  },
  {
    name: 'runners',
    scenario: 'runners.ts',
    does: 'the requests of act, gitlab-runner and woodpecker, by dockerode',
  },
  {
    name: 'act',
    scenario: 'act.sh',
    does: 'jobs, containers, services, a matrix',
    path: 'ACT',
    ms: 300_000,
  },
  {
    name: 'gitlab-runner',
    scenario: 'gitlab-runner.ts',
    does: 'jobs of its docker executor, with a cache and a service',
    path: 'GITLAB_RUNNER',
    ms: 300_000,
  },
  {
    name: 'woodpecker',
    scenario: 'woodpecker.sh',
    does: 'pipelines of its docker backend',
    path: 'WOODPECKER_CLI',
    ms: 300_000,
  },
];
