import { GrpcError } from '@berth/grpc';
import { conflict } from '../../base/errors.ts';
import { list, refuse, text, within } from '../checks.ts';
import { findMember, findPod, type Rooms } from '../context.ts';
import { code } from '../errors.ts';
import type { Message } from '../messages.ts';
import type { Streaming } from '../streaming/api.ts';
import { containerState, stateOfMember } from '../views.ts';

/** Bytes of each output that ExecSync answers at most: a message of gRPC must hold both. */
const OUTPUT_MAX = 16 * 1024 * 1024;
const TIMEOUT_MAX = 2 ** 31;

function runningMember(rooms: Rooms, request: Message): string {
  const one = findMember(rooms, request['container_id']);
  const { id } = one.snapshot.record;
  if (stateOfMember(one) !== containerState.running)
    throw conflict(`container_id: container ${id} does not run`);
  return id;
}

function command(request: Message): string[] {
  const words = list(request['cmd'] as string[], 'cmd').map((word, index) => text(word, `cmd[${index}]`));
  if (!words[0]) throw refuse('cmd', 'it is missing');
  return words;
}

/**
 * Answers ExecSync with a command's output and exit code; `timeout` is in seconds, 0 for none.
 * @throws GrpcError deadline-exceeded when the command does not end in time; not-found, conflict, invalid-parameter
 */
export async function execSync(rooms: Rooms, request: Message, signal: AbortSignal): Promise<Message> {
  const id = runningMember(rooms, request);
  const timeout = within(request['timeout'], 'timeout', 0, TIMEOUT_MAX);
  const { exitCode, stdout, stderr, timedOut } = await rooms.containers.execCapture(id, {
    command: command(request),
    timeout: Math.min(timeout * 1000, TIMEOUT_MAX - 1),
    limit: OUTPUT_MAX / 2,
    signal,
  });
  if (timedOut)
    throw new GrpcError(code.deadlineExceeded, `timeout: the command did not end in ${timeout} s`);
  return { stdout, stderr, exit_code: exitCode };
}

/**
 * Answers Exec with the URL at which a client streams.
 * @throws not-found; conflict when the container does not run; invalid-parameter
 */
export async function exec(rooms: Rooms, request: Message, streaming: Streaming): Promise<Message> {
  const container = runningMember(rooms, request);
  const { stdin, stdout, stderr, tty } = streams(request);
  return {
    url: await streaming.offer({
      kind: 'exec',
      container,
      command: command(request),
      stdin,
      stdout,
      stderr,
      tty,
    }),
  };
}

/**
 * Answers Attach with the URL at which a client streams.
 * @throws not-found; conflict when the container does not run; invalid-parameter
 */
export async function attach(rooms: Rooms, request: Message, streaming: Streaming): Promise<Message> {
  const container = runningMember(rooms, request);
  const { stdin, stdout, stderr } = streams(request);
  const { Tty: tty } = rooms.containers.get(container).record.config;
  return {
    url: await streaming.offer({ kind: 'attach', container, stdin, stdout, stderr: stderr && !tty, tty }),
  };
}

function streams(request: Message): { stdin: boolean; stdout: boolean; stderr: boolean; tty: boolean } {
  const flag = (name: string) => request[name] === true;
  const asked = { stdin: flag('stdin'), stdout: flag('stdout'), stderr: flag('stderr'), tty: flag('tty') };
  if (asked.tty && asked.stderr) throw refuse('tty', 'a terminal has no stderr of its own: leave stderr out');
  if (!asked.stdin && !asked.stdout && !asked.stderr)
    throw refuse('stdin', 'one of stdin, stdout and stderr must be asked for');
  return asked;
}

/**
 * Answers PortForward with the URL at which a client streams to ports of a pod.
 * @throws not-found; conflict when the pod does not run; invalid-parameter
 */
export async function portForward(rooms: Rooms, request: Message, streaming: Streaming): Promise<Message> {
  const pod = findPod(rooms, request['pod_sandbox_id']);
  const ports = list(request['port'] as number[], 'port').map((port, index) =>
    within(port, `port[${index}]`, 1, 65535),
  );
  if (!rooms.pods.ready(pod)) throw conflict(`pod_sandbox_id: pod ${pod.id} does not run`);
  return { url: await streaming.offer({ kind: 'portforward', pod: pod.id, ports }) };
}
