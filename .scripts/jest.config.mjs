import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const common = {
  rootDir: dirname(here),
  testEnvironment: 'node',
  transform: {
    '\\.(ts|mjs)$': `${here}/jest-transform.cjs`,
    'node_modules/.*\\.js$': `${here}/jest-transform.cjs`,
  },
  transformIgnorePatterns: ['/node_modules/(?!.*/(tar-stream|undici)/)'],
  moduleNameMapper: {
    '^@berth/(api-spec|grpc|native|patterns|templates|daemon|client)$': '<rootDir>/packages/$1/src/index.ts',
    '^@berth/(api-spec|grpc|native|patterns|templates|daemon|client)/(.+\\.(ts|mjs|json))$':
      '<rootDir>/packages/$1/src/$2',
  },
};

export default {
  projects: [
    { ...common, displayName: 'unit', testMatch: ['<rootDir>/packages/*/src/**/*.test.ts'] },
    { ...common, displayName: 'e2e', testMatch: ['<rootDir>/e2e/suites/**/*.test.ts'] },
  ],
  testTimeout: 60000,
};
