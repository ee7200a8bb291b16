// `npm run clients [-- --help]`: clients of Docker's API beside dockerd and Berth; installs those that Debian has.
import { runSuite } from './lib.mjs';

runSuite('clients/main.ts', {
  'docker.io': '/usr/sbin/dockerd',
  'docker-cli': '/usr/bin/docker',
  'docker-compose': '/usr/bin/docker-compose',
  'docker-buildx': '/usr/libexec/docker/cli-plugins/docker-buildx',
  'docker-registry': '/usr/bin/docker-registry',
  ansible: '/usr/bin/ansible-playbook',
  'openshift-imagebuilder': '/usr/bin/imagebuilder',
  'python3-docker': '/usr/lib/python3/dist-packages/docker/version.py',
  rsyslog: '/usr/sbin/rsyslogd',
  skopeo: '/usr/bin/skopeo',
  jq: '/usr/bin/jq',
});
