import type { ImageAnalysis } from '../api.ts';
import type { FileRecord, Hiding, MergedTree } from './merge.ts';
import { Largest, type SlicedWork } from './slicing.ts';

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

/** Files that a hint is about. */
class Found {
  size = 0;
  count = 0;
  private readonly layers = new Set<number>();
  private readonly largest: Largest<FileRecord>;

  constructor(top: number) {
    this.largest = new Largest(top);
  }

  add(file: FileRecord): void {
    this.count += 1;
    this.size += file.size;
    this.layers.add(file.layer);
    this.largest.add(file);
  }

  hint(kind: string, message: string): Hint {
    return {
      Kind: kind,
      Message: message,
      Size: this.size,
      Layers: [...this.layers].sort((left, right) => left - right),
      Paths: this.largest.take().map((file) => file.path),
    };
  }
}

/** The hints for a slimmer image, most bytes first; credentials, which anyone can read in any layer, before all. */
export async function hintsOf(
  tree: MergedTree,
  duplicates: ImageAnalysis['Duplicates'],
  top: number,
  slices: SlicedWork,
): Promise<Hint[]> {
  const byRule = new Map(RULES.map((rule) => [rule, new Found(top)]));
  await slices.each(tree.visible(), (file) => {
    if (file.type !== 'file') return;
    const rule = RULES.find(({ matches }) => matches.test(file.path));
    if (rule) byRule.get(rule)!.add(file);
  });
  const [deleted, copied, replaced] = [new Found(top), new Found(top), new Found(top)];
  await slices.each(tree.hidings, (hiding) => {
    const found = !hiding.above ? deleted : sameContent(hiding) ? copied : replaced;
    found.add(hiding.file);
  });
  const hints: Hint[] = [];
  const add = (kind: string, message: string, found: Found) => {
    if (found.count > 0 && found.size >= SMALLEST) hints.push(found.hint(kind, message));
  };
  for (const [rule, found] of byRule) add(rule.kind, rule.message, found);
  add(
    'deleted-later',
    'files that a later layer deletes: delete them in the step that makes them, or make them in another stage',
    deleted,
  );
  add(
    'metadata-only',
    'files copied whole into a later layer because only owner, mode or time changed: set them when they are made (COPY --chown, --chmod)',
    copied,
  );
  add('replaced-later', 'files that a later layer writes again: write them once', replaced);
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
  const secrets = new Found(top);
  await slices.each(tree.files, (file) => {
    if (SECRET.test(file.path)) secrets.add(file);
  });
  if (secrets.count > 0)
    hints.unshift(
      secrets.hint(
        'credentials',
        'files that look like credentials; they can be read from their layer even where a later one deletes them',
      ),
    );
  return hints;
}

/** Whether a file was only copied up: the one above has its content. */
export function sameContent({ file, above }: Hiding): boolean {
  return file.digest !== undefined && above?.digest === file.digest;
}
