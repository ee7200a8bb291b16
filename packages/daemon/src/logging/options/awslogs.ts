import { boolean, integer, type Options } from './values.ts';

export const AWSLOGS_OPTIONS = [
  'awslogs-group',
  'awslogs-stream',
  'awslogs-create-group',
  'awslogs-create-stream',
  'awslogs-region',
  'awslogs-endpoint',
  'tag',
  'awslogs-datetime-format',
  'awslogs-multiline-pattern',
  'awslogs-credentials-endpoint',
  'awslogs-force-flush-interval-seconds',
  'awslogs-max-buffered-events',
  'awslogs-format',
];
const EMF = 'json/emf';

export interface AwslogsOptions {
  group: string;
  /** '': the tag. */
  stream: string;
  createGroup: boolean;
  createStream: boolean;
  /** '': the environment's, or the machine's own. */
  region: string;
  endpoint: string;
  /** An expression of Go's that each event begins with; '': a line is an event. */
  multiline: string;
  credentialsEndpoint: string | undefined;
  /** Milliseconds. */
  flushInterval: number;
  /** Events that are gathered at most before they are sent. */
  most: number;
  emf: boolean;
}

/** @throws Error with dockerd's text */
export function parseAwslogs(options: Options): AwslogsOptions {
  const group = options['awslogs-group'] ?? '';
  if (group === '') throw new Error("must specify a value for log opt 'awslogs-group'");
  const createGroup = truth(options, 'awslogs-create-group', false);
  const createStream = truth(options, 'awslogs-create-stream', true);
  const seconds = positive(options, 'awslogs-force-flush-interval-seconds', 5);
  const most = positive(options, 'awslogs-max-buffered-events', 4096);
  const { 'awslogs-datetime-format': datetime, 'awslogs-multiline-pattern': pattern } = options;
  if (datetime !== undefined && pattern !== undefined)
    throw new Error(
      "you cannot configure log opt 'awslogs-datetime-format' and 'awslogs-multiline-pattern' at the same time",
    );
  const format = options['awslogs-format'] ?? '';
  if (format !== '' && format !== EMF) throw new Error(`unsupported log format '${format}'`);
  if (format !== '' && (datetime !== undefined || pattern !== undefined))
    throw new Error(
      `you cannot configure log opt 'awslogs-datetime-format' or 'awslogs-multiline-pattern' when log opt 'awslogs-format' is set to '${EMF}'`,
    );
  return {
    group,
    stream: options['awslogs-stream'] ?? '',
    createGroup,
    createStream,
    region: options['awslogs-region'] ?? '',
    endpoint: options['awslogs-endpoint'] ?? '',
    multiline: datetime ? datetimeExpression(datetime) : (pattern ?? ''),
    credentialsEndpoint: options['awslogs-credentials-endpoint'],
    flushInterval: seconds * 1000,
    most,
    emf: format === EMF,
  };
}

function truth(options: Options, name: string, otherwise: boolean): boolean {
  try {
    return boolean(options[name], otherwise);
  } catch (error) {
    throw new Error(`must specify valid value for log opt '${name}': ${(error as Error).message}`);
  }
}

function positive(options: Options, name: string, otherwise: number): number {
  const text = options[name];
  if (!text) return otherwise;
  const value = integer(text);
  if (value === undefined || value <= 0)
    throw new Error(`must specify a positive integer for log opt '${name}': ${text}`);
  return value;
}

/** The part of an expression that each directive of strftime(3) stands for; others stand for nothing. */
const DIRECTIVES: Record<string, string> = {
  '%a': '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)',
  '%A': '(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)',
  '%w': '[0-6]',
  '%d': '(?:0[1-9]|[12][0-9]|3[01])',
  '%b': '(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)',
  '%B': '(?:January|February|March|April|May|June|July|August|September|October|November|December)',
  '%m': '(?:0[1-9]|1[0-2])',
  '%Y': '\\d{4}',
  '%y': '\\d{2}',
  '%H': '(?:[01][0-9]|2[0-3])',
  '%I': '(?:0[0-9]|1[0-2])',
  '%p': '[AP]M',
  '%M': '[0-5][0-9]',
  '%S': '[0-5][0-9]',
  '%f': '\\d{6}',
  '%z': '[+-]\\d{4}',
  '%Z': '[A-Z]{1,4}T',
  '%j': '(?:[0-2][0-9][0-9]|3[0-5][0-9]|36[0-6])',
  '%L': '\\.\\d{3}',
};

function datetimeExpression(format: string): string {
  return format.replace(/%./gs, (directive) => DIRECTIVES[directive] ?? '');
}
