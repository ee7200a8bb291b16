import { invalidParameter, systemError } from '../../base/errors.ts';
import { checkFilters } from '../../base/filters.ts';
import { parseJson } from '../../base/go-json.ts';
import type { FoundImage, Images, RegistryAuth } from '../api.ts';
import { belongsTo } from './auth.ts';
import { RegistryError } from './errors.ts';
import { MAX_MANIFEST_BYTES } from './limits.ts';
import type { RegistryClient } from './session.ts';
import { discard, readDocument } from './transport.ts';

const DEFAULT_LIMIT = 25;
const MAX_LIMIT = 100;
const FILTERS = ['is-automated', 'is-official', 'stars'];

/**
 * Searches a registry's index (`term`, or `host/term` for another registry than Docker Hub).
 * @throws invalid-parameter for a bad limit or filter, with dockerd's texts.
 */
export async function search(
  client: RegistryClient,
  term: string,
  options: Parameters<Images['search']>[1],
): Promise<FoundImage[]> {
  const limit = options.limit || DEFAULT_LIMIT;
  if (limit < 1 || limit > MAX_LIMIT)
    throw invalidParameter(`limit ${limit} is outside the range of [1, 100]`);
  const keep = filter(options.filters ?? {});
  if (term.includes('://'))
    throw invalidParameter(`invalid repository name: repository name (${term}) should not have a scheme`);
  const slash = term.indexOf('/');
  const first = term.slice(0, Math.max(0, slash));
  const named = slash > 0 && (/[.:]/.test(first) || first === 'localhost');
  const domain = named && first !== 'docker.io' ? first : 'index.docker.io';
  const query = named ? term.slice(slash + 1) : term;
  const results = await ask(client, domain, query.replace(/^library\//, ''), limit, options.auth);
  return results.filter(keep);
}

async function ask(
  client: RegistryClient,
  domain: string,
  query: string,
  limit: number,
  auth: RegistryAuth | undefined,
): Promise<FoundImage[]> {
  const signal = AbortSignal.timeout(client.limits.document);
  const schemes = (await client.hosts.isInsecure(domain)) ? ['https', 'http'] : ['https'];
  const basic =
    auth?.username && belongsTo(auth.serveraddress, domain)
      ? `Basic ${Buffer.from(`${auth.username}:${auth.password ?? ''}`).toString('base64')}`
      : undefined;
  const failures: unknown[] = [];
  for (const scheme of schemes) {
    const url = new URL(`${scheme}://${domain}/v1/search`);
    url.searchParams.set('q', query);
    url.searchParams.set('n', String(limit));
    try {
      const answer = await client.transport.send(url, {
        method: 'GET',
        headers: { 'x-docker-token': 'true', ...(basic ? { authorization: basic } : {}) },
        signal,
      });
      if (answer.status !== 200) {
        discard(answer.body);
        throw new RegistryError('system', `Unexpected status code ${answer.status}`, {
          status: answer.status,
        });
      }
      const body = await readDocument(
        answer,
        MAX_MANIFEST_BYTES,
        'the search results',
        client.limits.document,
      );
      return readResults(body);
    } catch (error) {
      if (error instanceof RegistryError) throw error;
      failures.push(error);
    }
  }
  throw unreachable(domain, failures);
}

/** dockerd pings the index first, and its texts tell of that. */
function unreachable(domain: string, failures: unknown[]): unknown {
  if (failures.length < 2) return failures[0];
  const [https, http] = failures.map((error) =>
    (error as Error).message.replace(/"(https?:\/\/[^/"]+)\/v1\/search[^"]*"/, '"$1/v1/_ping"'),
  );
  return invalidParameter(
    `invalid registry endpoint "http://${domain}/v1/". HTTPS attempt: ${https}. HTTP attempt: ${http}`,
  );
}

function readResults(body: Buffer): FoundImage[] {
  try {
    const { results } = parseJson(body.toString()) as { results?: Array<Record<string, unknown>> | null };
    return (results ?? []).map((result) => ({
      star_count: Number(result['star_count'] ?? 0),
      is_official: result['is_official'] === true,
      name: String(result['name'] ?? ''),
      is_automated: result['is_automated'] === true,
      description: String(result['description'] ?? ''),
    }));
  } catch (error) {
    throw systemError(`error decoding registry search results: ${(error as Error).message}`);
  }
}

function filter(filters: Record<string, string[]>): (result: FoundImage) => boolean {
  checkFilters(filters, FILTERS);
  const flag = (name: string): boolean | undefined => {
    const values = filters[name];
    if (!values || values.length === 0) return undefined;
    const wanted = values.every((value) => value === 'true' || value === '1');
    if (!wanted && !values.every((value) => value === 'false' || value === '0'))
      throw invalidParameter(`invalid filter '${name}=[${values.join(' ')}]'`);
    return wanted;
  };
  const [official, automated] = [flag('is-official'), flag('is-automated')];
  let stars = 0;
  for (const value of filters['stars'] ?? []) {
    if (!/^\d+$/.test(value))
      throw invalidParameter(
        `invalid filter 'stars=${value}': strconv.Atoi: parsing ${JSON.stringify(value)}: invalid syntax`,
      );
    stars = Math.max(stars, Number(value));
  }
  return (result) =>
    (official === undefined || result.is_official === official) &&
    (automated === undefined || result.is_automated === automated) &&
    result.star_count >= stars;
}
