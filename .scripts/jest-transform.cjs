// TypeScript and ES modules to CommonJS for jest; types are checked by tsc, apart.
const { createHash } = require('node:crypto');
const { transformSync } = require('esbuild');

const options = {
  format: 'cjs',
  target: 'node24',
  // A module that is loaded when it is needed is one of jest's modules too.
  supported: { 'dynamic-import': false },
  sourcemap: 'inline',
  define: {
    'import.meta.dirname': '__dirname',
    'import.meta.filename': '__filename',
    'import.meta.url': '__berthUrl',
  },
  banner: "const __berthUrl = require('node:url').pathToFileURL(__filename).href;",
};

module.exports = {
  getCacheKey: (source, file) =>
    createHash('sha1').update(source).update(file).update(JSON.stringify(options)).digest('hex'),
  process: (source, file) => ({
    code: transformSync(source, { ...options, loader: file.endsWith('.ts') ? 'ts' : 'js', sourcefile: file })
      .code,
  }),
};
