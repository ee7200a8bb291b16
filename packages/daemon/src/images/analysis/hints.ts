import type { ImageAnalysis } from '../api.ts';
import type { FileRecord, Hiding } from './merge.ts';

type Hint = ImageAnalysis['Hints'][number];

interface Rule {
  kind: string;
  message: string;
  matches: RegExp;
}

const SMALLEST = 64 * 1024; // bytes below which a rule keeps silent

/** Files that images rarely need, told by their place. The first rule that fits a file counts it. */
const RULES: Rule[] = [
  {
    kind: 'package-lists',
    message: 'package lists: remove /var/lib/apt/lists in the step that runs apt-get update',
    matches: /^\/var\/lib\/apt\/lists\/./,
  },
  {
    kind: 'package-cache',
    message:
      'a package manager’s cache: clean it in the step that installs (apt-get clean, apk --no-cache, dnf clean all)',
    matches: /^\/var\/cache\/(?:apt|apk|dnf|yum|libdnf5|zypp|pacman|debconf)\//,
  },
  {
    kind: 'language-cache',
    message:
      'a language’s download or build cache: mount it in the build (RUN --mount=type=cache) or switch it off',
    matches:
      /\/(?:\.cache\/(?:pip|go-build|yarn|uv|pypoetry|node-gyp)|\.npm\/_cacache|\.cargo\/registry|go\/pkg\/mod\/cache|\.m2\/repository|\.gradle\/caches|share\/\.cache\/yarn)\//,
  },
  {
    kind: 'temporary-files',
    message: 'temporary files and logs: remove them in the step that makes them',
    matches: /^\/(?:tmp|var\/tmp|var\/log)\/./,
  },
  {
    kind: 'version-control',
    message: 'a version control folder: name .git in .dockerignore',
    matches: /\/\.(?:git|hg|svn)\//,
  },
  {
    kind: 'documentation',
    message: 'manuals and documentation (dpkg’s path-exclude, apk without -doc packages)',
    matches: /^\/usr\/(?:local\/)?share\/(?:doc|man|info|gtk-doc|help)\//,
  },
  {
    kind: 'translations',
    message: 'translations for other languages',
    matches: /^\/usr\/(?:local\/)?share\/(?:locale|i18n\/locales)\//,
  },
  {
    kind: 'debug-symbols',
    message: 'debugging symbols: strip them, or leave -dbg packages out',
    matches: /^\/usr\/lib\/debug\/|\.debug$/,
  },
  {
    kind: 'build-tools',
    message: 'compilers, headers and static libraries: build in one stage and copy the result to another',
    matches:
      /^\/usr\/(?:local\/)?(?:include\/|lib(?:exec)?\/gcc\/|lib\/(?:.*\/)?[^/]+\.a$|lib\/(?:.*\/)?pkgconfig\/)/,
  },
  {
    kind: 'bytecode',
    message: 'Python’s compiled files: set PYTHONDONTWRITEBYTECODE=1, or leave them for a faster start',
    matches: /\/__pycache__\//,
  },
];

const SECRET =
  /\/(?:\.ssh\/id_[a-z0-9]+|\.aws\/credentials|\.docker\/config\.json|\.git-credentials|\.netrc|\.pypirc|\.kube\/config|\.config\/gcloud\/[^/]*credentials[^/]*)$/;

/** The hints for a slimmer image, most bytes first; credentials, which anyone can read in any layer, before all. */
export function hintsOf(
  files: readonly FileRecord[],
  visible: readonly FileRecord[],
  hidings: readonly Hiding[],
  duplicates: ImageAnalysis['Duplicates'],
  top: number,
): Hint[] {
  const hints: Hint[] = [];
  const add = (kind: string, message: string, of: readonly FileRecord[], floor = SMALLEST) => {
    const size = of.reduce((sum, file) => sum + file.size, 0);
    if (of.length === 0 || size < floor) return;
    const largest = of.toSorted((left, right) => right.size - left.size).slice(0, top);
    hints.push({
      Kind: kind,
      Message: message,
      Size: size,
      Layers: [...new Set(of.map((file) => file.layer))].sort((left, right) => left - right),
      Paths: largest.map((file) => file.path),
    });
  };
  const byRule = new Map<Rule, FileRecord[]>();
  for (const file of visible) {
    const rule = RULES.find(({ matches }) => matches.test(file.path));
    if (!rule) continue;
    const found = byRule.get(rule);
    if (found) found.push(file);
    else byRule.set(rule, [file]);
  }
  for (const [rule, found] of byRule) add(rule.kind, rule.message, found);
  add(
    'deleted-later',
    'files that a later layer deletes: delete them in the step that makes them, or make them in another stage',
    hidings.filter(({ above }) => !above).map(({ file }) => file),
  );
  add(
    'metadata-only',
    'files copied whole into a later layer because only owner, mode or time changed: set them when they are made (COPY --chown, --chmod)',
    hidings.filter(sameContent).map(({ file }) => file),
  );
  add(
    'replaced-later',
    'files that a later layer writes again: write them once',
    hidings.filter((hiding) => hiding.above && !sameContent(hiding)).map(({ file }) => file),
  );
  const copies = duplicates.reduce((sum, { Wasted }) => sum + Wasted, 0);
  if (copies >= SMALLEST)
    hints.push({
      Kind: 'duplicates',
      Message: 'files of the same content under several names: link them',
      Size: copies,
      Layers: [],
      Paths: duplicates.slice(0, top).map(({ Paths }) => Paths[0]!),
    });
  hints.sort((left, right) => right.Size - left.Size);
  const secrets = files.filter(({ path }) => SECRET.test(path));
  if (secrets.length > 0)
    hints.unshift({
      Kind: 'credentials',
      Message:
        'files that look like credentials; they can be read from their layer even where a later one deletes them',
      Size: secrets.reduce((sum, file) => sum + file.size, 0),
      Layers: [...new Set(secrets.map((file) => file.layer))],
      Paths: secrets.slice(0, top).map((file) => file.path),
    });
  return hints;
}

/** Whether a file was only copied up: the one above has its content. */
export function sameContent({ file, above }: Hiding): boolean {
  return file.digest !== undefined && above?.digest === file.digest;
}
