/* The files of the project: PostgreSQL, Redis, a Node service and nginx, all of Debian's packages, put together by compose. */

/** The packages of the image that all services stand on. */
export const PACKAGES = [
  'postgresql',
  'postgresql-contrib',
  'redis-server',
  'redis-tools',
  'nginx-light',
  'nodejs',
  'node-pg',
  'wrk',
];

/** The name of that image. */
export const BASE = 'project-base';

const compose = `name: project
services:
  db:
    build: ./db
    secrets: [password]
    volumes: ["data:/var/lib/project"]
    networks: [back]
    restart: always
    shm_size: 256m
    healthcheck: { test: [CMD, pg_isready, -q, -h, 127.0.0.1], interval: 500ms, retries: 60, start_period: 30s }
  cache:
    build: ./cache
    networks: [back]
    restart: always
    healthcheck: { test: [CMD, redis-cli, ping], interval: 500ms, retries: 60 }
  api:
    build: ./api
    secrets: [password]
    networks: [back, front]
    restart: always
    depends_on: { db: { condition: service_healthy }, cache: { condition: service_healthy } }
    healthcheck: { test: [CMD, node, /app/src/health.js], interval: 500ms, retries: 60 }
    deploy: { replicas: 2 }
    develop: { watch: [{ action: sync+restart, path: ./api/src, target: /app/src }] }
  web:
    build: ./web
    networks: [front]
    restart: always
    ports: ["127.0.0.1::80"]
    depends_on: { api: { condition: service_healthy } }
  load:
    image: ${BASE}
    init: true
    command: sleep infinity
    restart: always
    networks: [back, front]
    depends_on: { web: { condition: service_started } }
secrets: { password: { file: ./password } }
volumes: { data: {} }
networks: { front: {}, back: { internal: true } }
`;

const database = `#!/bin/sh
set -e
programs=$(echo /usr/lib/postgresql/*/bin)
if [ ! -e "$PGDATA/PG_VERSION" ]; then
  "$programs/initdb" -U app --pwfile=/run/secrets/password --auth=scram-sha-256 -D "$PGDATA"
  echo "listen_addresses = '*'" >> "$PGDATA/postgresql.conf"
  echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
fi
exec "$programs/postgres" -D "$PGDATA"
`;

const service = `const { createServer } = require('node:http');
const { connect } = require('node:net');
const { readFileSync } = require('node:fs');
const { Pool } = require('pg');
const { greeting } = require('./greeting.js');

const pool = new Pool({
  host: 'db', user: 'app', database: 'postgres', max: 8,
  password: readFileSync('/run/secrets/password', 'utf8').trim(),
});
pool.on('error', () => undefined);

/** Redis answers in the order it was asked. */
let cache;
const waiting = [];
function count() {
  if (!cache || cache.destroyed) {
    cache = connect(6379, 'cache');
    cache.on('error', () => undefined);
    let text = '';
    cache.on('data', (data) => {
      text += data;
      for (let end = text.indexOf('\\r\\n'); end >= 0; end = text.indexOf('\\r\\n')) {
        waiting.shift()?.(text.slice(1, end));
        text = text.slice(end + 2);
      }
    });
    cache.on('close', () => { for (const done of waiting.splice(0)) done('0'); });
  }
  return new Promise((resolve) => { waiting.push(resolve); cache.write('INCR hits\\r\\n'); });
}

createServer(async (request, response) => {
  try {
    if (request.url === '/hits') return response.end(await count());
    if (request.url === '/visit') {
      await pool.query('CREATE TABLE IF NOT EXISTS visits (id serial PRIMARY KEY)');
      const { rows } = await pool.query('INSERT INTO visits DEFAULT VALUES RETURNING id');
      return response.end(String(rows[0].id));
    }
    response.end(greeting);
  } catch (error) {
    response.statusCode = 500;
    response.end(String(error));
  }
}).listen(3000);
process.on('SIGTERM', () => process.exit(0));
`;

const nginx = `daemon off;
events { worker_connections 1024; }
http {
  access_log off;
  upstream api { server api:3000; keepalive 32; }
  server {
    listen 80;
    location = /static { root /srv; }
    location / { proxy_pass http://api; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`;

/** The project's files by their paths. */
export const FILES: Record<string, string> = {
  'compose.yaml': compose,
  password: 'between-ourselves\n',
  'db/Dockerfile': `FROM ${BASE}
RUN install -d -o postgres -m 700 /var/lib/project /run/postgresql
COPY --chmod=755 start /start
ENV PGDATA=/var/lib/project/data
USER postgres
STOPSIGNAL SIGINT
CMD ["/start"]
`,
  'db/start': database,
  'cache/Dockerfile': `FROM ${BASE}
USER redis
CMD ["redis-server", "--save", "", "--protected-mode", "no", "--bind", "0.0.0.0"]
`,
  'api/Dockerfile': `FROM ${BASE}
WORKDIR /app
COPY src src
ENV NODE_PATH=/usr/share/nodejs
CMD ["node", "src/service.js"]
`,
  'api/src/service.js': service,
  'api/src/greeting.js': "exports.greeting = 'first';\n",
  'api/src/health.js':
    "require('node:http').get('http://127.0.0.1:3000/', (answer) => process.exit(answer.statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1));\n",
  'web/Dockerfile': `FROM ${BASE}
COPY nginx.conf /etc/nginx/nginx.conf
RUN head -c 1024 /dev/zero | tr '\\0' x > /srv/static
STOPSIGNAL SIGQUIT
CMD ["nginx"]
`,
  'web/nginx.conf': nginx,
};
