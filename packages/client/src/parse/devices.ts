import { posix } from 'node:path';
import { csvFields, cut } from './csv.ts';
import { parseBytes } from './units.ts';

export interface DeviceMapping {
  PathOnHost: string;
  PathInContainer: string;
  CgroupPermissions: string;
}

const isMode = (text: string): boolean => /^[rwm]+$/.test(text) && new Set(text).size === text.length;

/** Whether a device is one of the Container Device Interface: `vendor.com/class=name`. */
export function isCdiName(text: string): boolean {
  return /^[A-Za-z][\w.-]*[A-Za-z0-9]\/[A-Za-z](?:[\w-]*[A-Za-z0-9])?=[A-Za-z0-9](?:[\w.:-]*[A-Za-z0-9])?$/.test(
    text,
  );
}

/** The value of `--device host[:container][:mode]`. Throws with Docker's reason. */
export function parseDevice(text: string): DeviceMapping {
  const parts = text.split(':');
  if (parts.length > 3 || parts[0] === '') throw new Error(`bad format for path: ${text}`);
  const [host] = parts;
  let container = host!;
  let mode = 'rwm';
  if (parts.length === 1) container = posix.normalize(host!);
  else if (parts.length === 2) {
    if (isMode(parts[1]!)) mode = parts[1]!;
    else container = posix.normalize(parts[1]!);
  } else {
    container = parts[1]!;
    mode = parts[2]!;
    if (!isMode(mode)) throw new Error(`bad mode specified: ${mode}`);
  }
  if (!container.startsWith('/')) throw new Error(`${container} is not an absolute path`);
  return {
    PathOnHost: parts.length === 1 ? container : host!,
    PathInContainer: container || host!,
    CgroupPermissions: mode,
  };
}

/** The value of `--device-cgroup-rule`. */
export function checkDeviceRule(text: string): string {
  if (!/^[acb] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3}$/.test(text))
    throw new Error(`invalid device cgroup format '${text}'`);
  return text;
}

function devicePath(text: string): [path: string, value: string] {
  const [path, value] = cut(text, ':');
  if (!path || value === undefined) throw new Error(`bad format: ${text}`);
  if (!path.startsWith('/dev/')) throw new Error(`bad format for device path: ${text}`);
  return [path, value];
}

/** `--device-read-bps /dev/sda:1mb` and its like. */
export function parseByteRate(text: string): { Path: string; Rate: number } {
  const [path, value] = devicePath(text);
  try {
    return { Path: path, Rate: parseBytes(value) };
  } catch {
    throw new Error(
      `invalid rate for device: ${text}. The correct format is <device-path>:<number>[<unit>]. Number must be a positive integer. Unit is optional and can be kb, mb, or gb`,
    );
  }
}

/** `--device-read-iops /dev/sda:1000` and its like. */
export function parseOperationRate(text: string): { Path: string; Rate: number } {
  const [path, value] = devicePath(text);
  if (!/^\d+$/.test(value))
    throw new Error(
      `invalid rate for device: ${text}. The correct format is <device-path>:<number>. Number must be a positive integer`,
    );
  return { Path: path, Rate: Number(value) };
}

/** `--blkio-weight-device /dev/sda:500`. */
export function parseDeviceWeight(text: string): { Path: string; Weight: number } {
  const [path, value] = devicePath(text);
  const weight = Number(value);
  if (!/^\d+$/.test(value) || weight > 1000 || (weight > 0 && weight < 10))
    throw new Error(`invalid weight for device: ${text}`);
  return { Path: path, Weight: weight };
}

export interface DeviceRequest {
  Driver?: string;
  Count?: number;
  DeviceIDs?: string[];
  Capabilities?: string[][];
  Options?: Record<string, string>;
}

/** The value of `--gpus all`, `--gpus 2` or `--gpus device=0,"capabilities=..."`. Throws with Docker's reason. */
export function parseGpus(text: string): DeviceRequest {
  const request: DeviceRequest = {};
  const seen = new Set<string>();
  const count = (value: string): number => {
    if (value === 'all') return -1;
    if (!/^[+-]?\d+$/.test(value))
      throw new Error(
        `count must be an integer: strconv.Atoi: parsing ${JSON.stringify(value)}: invalid syntax`,
      );
    return Number(value);
  };
  for (const field of csvFields(text)) {
    const [key, value] = cut(field, '=');
    if (seen.has(key)) throw new Error(`gpu request key '${key}' can be specified only once`);
    seen.add(key);
    if (value === undefined) {
      seen.add('count');
      request.Count = count(key);
    } else if (key === 'driver') request.Driver = value;
    else if (key === 'count') request.Count = count(value);
    else if (key === 'device') request.DeviceIDs = value.split(',');
    else if (key === 'capabilities') request.Capabilities = [[...value.split(','), 'gpu']];
    else if (key === 'options')
      request.Options = Object.fromEntries(
        csvFields(value).map((pair) => [cut(pair, '=')[0], cut(pair, '=')[1] ?? '']),
      );
    else throw new Error(`unexpected key '${key}' in '${field}'`);
  }
  if (!seen.has('count') && !request.DeviceIDs) request.Count = 1;
  request.Capabilities ??= [['gpu']];
  request.Options ??= {};
  return request;
}
