import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { conflict, invalidParameter, notFound } from '../base/errors.ts';
import { checkFilters } from '../base/filters.ts';
import { nowNanos, rfc3339 } from '../base/time.ts';
import type { Events } from '../events/api.ts';
import type { Collection, Store } from '../store/api.ts';
import type { ConfigReference, FileReference, Kept, Kind, SecretReference, Secrets } from './api.ts';
import { type PlacedFile, SecretFiles } from './files.ts';
import { destinationOf, MEMBERS, readReferences } from './references.ts';
import { Vault } from './vault.ts';

/** A secret or config as it is kept: what it holds is encrypted. */
interface KeptRecord {
  id: string;
  name: string;
  labels: Record<string, string>;
  version: number;
  created: string;
  updated: string;
  encrypted: string;
}

/** As swarm has it. */
const NAME = /^[a-zA-Z0-9]+(?:[a-zA-Z0-9-_.]*[a-zA-Z0-9])?$/;
const LONGEST_NAME = 64;
/** Bytes. */
const LARGEST = { secret: 500 * 1024, config: 1000 * 1024 };
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const FILTERS = ['id', 'label', 'name', 'names'];

interface Deps {
  /** The key is kept in it. */
  dataRoot: string;
  execRoot: string;
  store: Store;
  events: Events;
}

/** Secrets and configs of this machine, without a swarm. */
export function openSecrets(deps: Deps): Secrets {
  return new LocalSecrets(deps);
}

class LocalSecrets implements Secrets {
  readonly #store: Store;
  readonly #events: Events;
  readonly #records: Record<Kind, Collection<KeptRecord>>;
  readonly #vault: Vault;
  readonly #files: SecretFiles;
  #usersOf: (kind: Kind, id: string) => string[] = () => [];

  constructor({ dataRoot, execRoot, store, events }: Deps) {
    this.#store = store;
    this.#events = events;
    this.#records = { secret: store.collection('secrets'), config: store.collection('configs') };
    this.#vault = new Vault(join(dataRoot, 'secrets.key'));
    this.#files = new SecretFiles(join(execRoot, 'secrets'));
  }

  async create(
    kind: Kind,
    { Name = '', Labels = {}, Data = '' }: Parameters<Secrets['create']>[1],
  ): Promise<{ ID: string }> {
    // The length first: the pattern takes time that grows with its square.
    if (Name.length > LONGEST_NAME || !NAME.test(Name))
      throw invalidParameter(
        `invalid name ${JSON.stringify(Name.slice(0, 2 * LONGEST_NAME))}: only ${LONGEST_NAME} [a-zA-Z0-9-_.] are allowed, and it begins and ends with a letter or a digit`,
      );
    if (!BASE64.test(Data)) throw invalidParameter('invalid Data: it must be base64 (RFC 4648)');
    const content = Buffer.from(Data, 'base64');
    if (content.length === 0 || content.length > LARGEST[kind])
      throw invalidParameter(
        `${kind} data must be larger than 0 and at most ${LARGEST[kind]} bytes, and is ${content.length}`,
      );
    await this.#vault.prepare(this.#records.secret.size + this.#records.config.size > 0);
    // Nothing is awaited from here to the record: two creates of one name do not pass each other.
    if (this.#named(kind, Name)) throw conflict(`${kind} ${Name} already exists`);
    const id = newId();
    const now = rfc3339(nowNanos());
    const encrypted = this.#vault.encrypt(`${kind} ${id}`, content);
    const labels = Labels ?? {};
    this.#records[kind].put(id, {
      ...{ id, name: Name, labels, version: 1, created: now, updated: now, encrypted },
    });
    await this.#store.flushOr(() => this.#records[kind].delete(id));
    this.#events.emit(kind, 'create', id, { name: Name });
    return { ID: id };
  }

  get(kind: Kind, reference: string): Kept {
    return this.#shown(kind, this.#lookup(kind, reference));
  }

  async list(kind: Kind, filters: Record<string, string[]>): Promise<Kept[]> {
    checkFilters(filters, FILTERS);
    const { id = [], label = [], name = [], names = [] } = filters;
    const found: Kept[] = [];
    for (const record of [...this.#records[kind].values()]) {
      // It is decrypted to be shown, which takes a millisecond where it is large.
      if (kind === 'config') await turn();
      if (
        (id.length === 0 || id.some((start) => record.id.startsWith(start))) &&
        (name.length === 0 || name.some((start) => record.name.startsWith(start))) &&
        (names.length === 0 || names.includes(record.name)) &&
        label.every((wanted) => hasLabel(record.labels, wanted))
      )
        found.push(this.#shown(kind, record));
    }
    return found;
  }

  async update(
    kind: Kind,
    reference: string,
    version: number,
    { Name, Labels = {}, Data }: Parameters<Secrets['update']>[3],
  ): Promise<void> {
    const record = this.#lookup(kind, reference);
    if (version !== record.version)
      throw invalidParameter(
        `update out of sequence: version ${version} was given, and ${record.version} is current`,
      );
    const same =
      Data === undefined ||
      Data === '' ||
      Buffer.from(Data, 'base64').equals(this.#vault.decrypt(`${kind} ${record.id}`, record.encrypted));
    if ((Name && Name !== record.name) || !same)
      throw invalidParameter('only updates to Labels are allowed: make another one for another content');
    this.#records[kind].put(record.id, {
      ...record,
      labels: Labels ?? {},
      version: version + 1,
      updated: rfc3339(nowNanos()),
    });
    await this.#store.flushOr(() => this.#records[kind].put(record.id, record));
    this.#events.emit(kind, 'update', record.id, { name: record.name });
  }

  async remove(kind: Kind, reference: string): Promise<void> {
    const { id, name } = this.#lookup(kind, reference);
    const users = this.#usersOf(kind, id);
    if (users.length > 0)
      throw conflict(
        `${kind} '${name}' is in use by the following container${users.length > 1 ? 's' : ''}: ${users.join(', ')}`,
      );
    this.#records[kind].delete(id);
    await this.#store.flushOrLater();
    this.#events.emit(kind, 'remove', id, { name });
  }

  setUsers(users: (kind: Kind, id: string) => string[]): void {
    this.#usersOf = users;
  }

  references(host: Parameters<Secrets['references']>[0]): ReturnType<Secrets['references']> {
    const taken = new Map<string, Kind>();
    const read = (kind: Kind) => {
      const { list, annotation } = MEMBERS[kind];
      const found = readReferences(
        kind,
        host[list],
        host.Annotations?.[annotation],
        (reference) => this.#find(kind, reference),
        taken,
      );
      return found.length > 0 ? { [list]: found } : {};
    };
    return { ...read('secret'), ...read('config') };
  }

  async place(
    owner: string,
    { Secrets = [], Configs = [] }: Parameters<Secrets['place']>[1],
    ...rest: [Parameters<Secrets['place']>[2], Parameters<Secrets['place']>[3]]
  ): ReturnType<Secrets['place']> {
    const files = [
      ...Secrets.map((reference: SecretReference) =>
        this.#content('secret', reference.SecretID, reference.File),
      ),
      ...Configs.map((reference: ConfigReference) =>
        this.#content('config', reference.ConfigID, reference.File),
      ),
    ];
    return files.length > 0 ? this.#files.place(owner, files, ...rest) : [];
  }

  async release(owner: string): Promise<void> {
    await this.#files.release(owner);
  }

  async reconcile(running: ReadonlySet<string>): Promise<void> {
    await this.#files.keep(running);
  }

  #content(kind: Kind, id: string, file: FileReference): PlacedFile {
    const { encrypted } = this.#lookup(kind, id);
    return {
      destination: destinationOf(kind, file),
      content: this.#vault.decrypt(`${kind} ${id}`, encrypted),
      uid: Number(file.UID),
      gid: Number(file.GID),
      mode: file.Mode,
    };
  }

  #named(kind: Kind, name: string): KeptRecord | undefined {
    return [...this.#records[kind].values()].find((record) => record.name === name);
  }

  /** By id, name, or the beginning of one id. */
  #find(kind: Kind, reference: string): KeptRecord | undefined {
    const known = this.#records[kind].get(reference) ?? this.#named(kind, reference);
    if (known || reference === '') return known;
    const [first, second] = [...this.#records[kind].values()].filter(({ id }) => id.startsWith(reference));
    return second ? undefined : first;
  }

  #lookup(kind: Kind, reference: string): KeptRecord {
    const record = this.#find(kind, reference);
    if (!record) throw notFound(`${kind} ${reference} not found`);
    return record;
  }

  #shown(kind: Kind, { id, name, labels, version, created, updated, encrypted }: KeptRecord): Kept {
    return {
      ID: id,
      Version: { Index: version },
      CreatedAt: created,
      UpdatedAt: updated,
      Spec: {
        Name: name,
        Labels: labels,
        ...(kind === 'config' && {
          Data: this.#vault.decrypt(`${kind} ${id}`, encrypted).toString('base64'),
        }),
      },
    };
  }
}

function hasLabel(labels: Record<string, string>, wanted: string): boolean {
  const equals = wanted.indexOf('=');
  if (equals === -1) return Object.hasOwn(labels, wanted);
  return labels[wanted.slice(0, equals)] === wanted.slice(equals + 1);
}

/** Like swarm's: 25 letters and digits. */
function newId(): string {
  const letters = '0123456789abcdefghijklmnopqrstuvwxyz';
  // The remainder of 252 possible values is even over 36 letters.
  const bytes = [...randomBytes(64)].filter((byte) => byte < 252).slice(0, 25);
  return bytes.map((byte) => letters[byte % 36]).join('');
}
