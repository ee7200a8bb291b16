// `npm run golden [-- --help]`: Berth beside dockerd, request by request; installs what only that needs.
import { runSuite } from './lib.mjs';

runSuite('golden/main.ts', {
  'docker.io': '/usr/sbin/dockerd',
  'docker-cli': '/usr/bin/docker',
  'docker-compose': '/usr/bin/docker-compose',
  'docker-buildx': '/usr/libexec/docker/cli-plugins/docker-buildx',
  'docker-registry': '/usr/bin/docker-registry',
  jq: '/usr/bin/jq',
});
