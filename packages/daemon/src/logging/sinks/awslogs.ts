import { compileExpression, type Matcher } from '../../patterns/expression.ts';
import type { DeliveryRecord } from '../deliver/record.ts';
import { PATIENT, Refused, type Sink } from '../deliver/sink.ts';
import { type AwslogsOptions, parseAwslogs } from '../options/awslogs.ts';
import { eventsOf, type LogEvent } from './aws-events.ts';
import { AwsIdentity, machineRegion } from './aws-identity.ts';
import { HttpClient } from './http.ts';
import { signedHeaders } from './sigv4.ts';

const VERSION = 'Logs_20140328';
/** A request that is found wrong so often is given up. */
const REFUSALS = 10;

/** An error that the service answers with. */
class ServiceError extends Error {
  readonly type: string;
  readonly status: number;
  readonly expectedToken: string | undefined;

  constructor(status: number, body: string) {
    let said: Record<string, string> = {};
    try {
      said = JSON.parse(body) as Record<string, string>;
    } catch {
      // No JSON: the status alone tells.
    }
    const type = (said['__type'] ?? `status ${status}`).replace(/^.*#/, '');
    super(`${type}: ${said['message'] ?? said['Message'] ?? body.slice(0, 200)}`);
    this.type = type;
    this.status = status;
    this.expectedToken = said['expectedSequenceToken'];
  }
}

/** Sends a log to Amazon CloudWatch Logs. */
export function awslogsSink(record: DeliveryRecord): Sink {
  const options = parseAwslogs(record.options);
  const service = new LogService(options);
  const group = options.group;
  const stream = options.stream || record.tag;
  const matcher = expression(options.multiline);
  // Told when it is asked for.
  matcher.catch(() => undefined);
  let created = false;
  let refusals = 0;

  async function create(): Promise<void> {
    if (options.createStream) await createStream(service, options, group, stream);
    created = true;
  }

  async function put(events: LogEvent[]): Promise<void> {
    // The service wants them in the order of their times.
    const ordered = events
      .map((event, index) => ({ event, index }))
      .sort((a, b) => a.event.timestamp - b.event.timestamp || a.index - b.index)
      .map(({ event }) => event);
    try {
      await service.putEvents(group, stream, ordered);
    } catch (error) {
      // It was removed meanwhile: the next try makes it again.
      if (error instanceof ServiceError && error.type === 'ResourceNotFoundException') created = false;
      throw error;
    }
  }

  return {
    gather: { milliseconds: options.flushInterval, entries: options.most },
    retry: PATIENT,
    async open() {
      await matcher;
      await create();
    },
    async send(entries, last) {
      if (!created) await create();
      const batch = eventsOf(entries, await matcher, last);
      if (batch.events.length === 0) return batch.entries;
      try {
        await put(batch.events);
        refusals = 0;
        return batch.entries;
      } catch (error) {
        const wrong = error instanceof ServiceError && error.type === 'InvalidParameterException';
        refusals = wrong ? refusals + 1 : 0;
        if (refusals < REFUSALS) throw error;
        refusals = 0;
        throw new Refused((error as Error).message, batch.entries);
      }
    },
    close: () => service.close(),
  };
}

async function expression(pattern: string): Promise<Matcher | undefined> {
  if (pattern === '') return undefined;
  try {
    return await compileExpression(pattern);
  } catch (error) {
    throw new Error(
      `awslogs could not parse multiline pattern key ${JSON.stringify(pattern)}: ${(error as Error).message}`,
    );
  }
}

async function createStream(
  service: LogService,
  { createGroup }: AwslogsOptions,
  group: string,
  stream: string,
): Promise<void> {
  const failed = (what: string, error: unknown) =>
    new Error(`failed to create Cloudwatch log ${what}: ${(error as Error).message}`);
  const make = () => service.create('CreateLogStream', { logGroupName: group, logStreamName: stream });
  try {
    await make();
  } catch (error) {
    const missing = error instanceof ServiceError && error.type === 'ResourceNotFoundException';
    if (!missing || !createGroup) throw failed('stream', error);
    await service.create('CreateLogGroup', { logGroupName: group }).catch((cause) => {
      throw failed('group', cause);
    });
    await make().catch((cause) => {
      throw failed('stream', cause);
    });
  }
}

/** The service's operations, signed. */
class LogService {
  private readonly options: AwslogsOptions;
  private readonly identity: AwsIdentity;
  private region: Promise<string> | undefined;
  private client: HttpClient | undefined;
  private token: string | undefined;

  constructor(options: AwslogsOptions) {
    this.options = options;
    this.identity = new AwsIdentity(options.credentialsEndpoint);
  }

  /** Makes a group or a stream of logs; one that is there already is as good. */
  async create(operation: string, body: object): Promise<void> {
    try {
      await this.call(operation, body);
    } catch (error) {
      if (!(error instanceof ServiceError) || error.type !== 'ResourceAlreadyExistsException') throw error;
    }
  }

  async putEvents(group: string, stream: string, events: LogEvent[]): Promise<void> {
    const put = () =>
      this.call('PutLogEvents', {
        logEvents: events,
        logGroupName: group,
        logStreamName: stream,
        ...(this.token && { sequenceToken: this.token }),
      });
    try {
      this.token = (await put())['nextSequenceToken'];
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      if (error.type === 'DataAlreadyAcceptedException') {
        this.token = error.expectedToken;
        return;
      }
      if (error.type !== 'InvalidSequenceTokenException') throw error;
      this.token = error.expectedToken;
      this.token = (await put())['nextSequenceToken'];
    }
  }

  close(): void {
    this.client?.close();
  }

  private async call(operation: string, body: object): Promise<Record<string, string>> {
    const region = await this.findRegion();
    const url = new URL(this.options.endpoint || `https://logs.${region}.amazonaws.com`);
    this.client ??= new HttpClient(url);
    const text = JSON.stringify(body);
    const headers = signedHeaders(
      url,
      {
        'Content-Type': 'application/x-amz-json-1.1',
        'X-Amz-Target': `${VERSION}.${operation}`,
        ...(this.options.emf && { 'x-amzn-logs-format': 'json/emf' }),
      },
      text,
      { region, service: 'logs', credentials: await this.identity.credentials(), now: new Date() },
    );
    const answer = await this.client.request(
      'POST',
      url,
      { ...headers, 'User-Agent': 'Docker' },
      Buffer.from(text),
    );
    if (answer.status !== 200) throw new ServiceError(answer.status, answer.body);
    return answer.body === '' ? {} : (JSON.parse(answer.body) as Record<string, string>);
  }

  private findRegion(): Promise<string> {
    const named = this.options.region || process.env['AWS_REGION'];
    if (named) return Promise.resolve(named);
    this.region ??= machineRegion().catch((error) => {
      this.region = undefined;
      throw new Error(`cannot determine region for awslogs driver: ${(error as Error).message}`);
    });
    return this.region;
  }
}
