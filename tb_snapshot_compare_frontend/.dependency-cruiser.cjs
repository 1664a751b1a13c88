/** Who may import whom: see the import table in the package's DESIGN.md. */
const folder = (name) => `^src/${name}/`;

/** Modules of `from` import nothing of ours but `allowed`. */
function only(from, allowed) {
  return {
    name: `${from}-imports`,
    severity: 'error',
    comment: `${from} may import ${allowed.length > 0 ? allowed.join(', ') : 'nothing of ours'}`,
    from: { path: folder(from) },
    to: { path: '^src/', pathNot: [folder(from), ...allowed.map(pathOf)] },
  };
}

function pathOf(name) {
  return name.endsWith('.ts') ? `^src/${name}$` : folder(name);
}

const TYPES = ['client/types.ts', 'client/contract.generated.ts'];

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'views-do-not-import-each-other',
      severity: 'error',
      comment: 'views are linked by the selection alone',
      from: { path: '^src/views/([^/]+)/' },
      to: { path: '^src/views/', pathNot: '^src/views/$1/' },
    },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, pathNot: '^src/(index|workers/[^/]+\\.worker)\\.ts$' },
      to: {},
    },
    {
      name: 'no-development-packages',
      severity: 'error',
      from: {},
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg'], pathNot: '@types' },
    },
    only('client', ['scales/half.ts']),
    only('host', []),
    only('state', ['client', 'scales/steps.ts', 'scales/step-zoom.ts']),
    only('scales', ['state', ...TYPES]),
    only('theme', ['state/environment.ts']),
    only('render', ['scales', 'state', 'theme', ...TYPES]),
    only('elements', ['state', 'scales', 'render', 'theme', ...TYPES]),
    only('views', ['state', 'scales', 'render', 'elements', 'theme', 'workers', ...TYPES]),
    only('workers', []),
    only('shell', ['state', 'scales', 'render', 'elements', 'theme', 'host', ...TYPES]),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { conditionNames: ['import', 'browser', 'default'] },
  },
};
