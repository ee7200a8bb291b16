import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';

const MIB = 1024 * 1024;
export const MEMORY = 64 * MIB;

/**
 * A pod with all that the scenarios look at: containers that initialize, one beside them that stays, two containers, probes,
 * a volume of configuration, limits.
 */
export function wholePod(name: string, image: string, configuration: object) {
  const work = { name: 'work', mountPath: '/work' };
  const shell = (script: string) => ['sh', '-c', script];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', labels: { app: name } },
    spec: {
      terminationGracePeriodSeconds: 1,
      dnsPolicy: 'Default',
      volumes: [
        { name: 'work', emptyDir: {} },
        { name: 'configuration', ...configuration },
      ],
      initContainers: [
        { name: 'first', image, command: shell('echo first >> /work/order'), volumeMounts: [work] },
        {
          name: 'sidecar',
          image,
          restartPolicy: 'Always',
          command: shell('echo sidecar >> /work/order; exec httpd -f -p 8081 -h /work'),
          startupProbe: { httpGet: { path: '/order', port: 8081 }, periodSeconds: 1, failureThreshold: 60 },
          volumeMounts: [work],
        },
        { name: 'last', image, command: shell('echo last >> /work/order'), volumeMounts: [work] },
      ],
      containers: [
        {
          name: 'web',
          image,
          command: shell('echo to-stdout; echo to-stderr >&2; exec httpd -f -p 8080 -h /configuration'),
          env: [{ name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }],
          ports: [{ containerPort: 8080 }],
          readinessProbe: { httpGet: { path: '/greeting', port: 8080 }, periodSeconds: 1 },
          livenessProbe: {
            exec: { command: ['test', '!', '-e', '/work/sick'] },
            periodSeconds: 1,
            failureThreshold: 2,
            timeoutSeconds: 5,
          },
          resources: {
            requests: { cpu: '10m', memory: '16Mi' },
            limits: { cpu: '500m', memory: `${MEMORY}` },
          },
          volumeMounts: [work, { name: 'configuration', mountPath: '/configuration' }],
        },
        {
          name: 'worker',
          image,
          command: shell('echo begins; while [ ! -e /work/fail ]; do sleep 0.2; done; rm /work/fail; exit 3'),
          volumeMounts: [work],
        },
      ],
    },
  };
}

export interface ContainerState {
  name: string;
  ready: boolean;
  restartCount: number;
  containerID: string;
  lastState?: { terminated?: { exitCode: number; reason: string } };
}

export interface PodStatus {
  phase?: string;
  podIP?: string;
  podIPs?: Array<{ ip: string }>;
  conditions?: Array<{ type: string; status: string }>;
  containerStatuses?: ContainerState[];
  initContainerStatuses?: ContainerState[];
}

export const isReady = ({ conditions }: PodStatus): boolean =>
  conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;

export function stateOf(
  { containerStatuses = [], initContainerStatuses = [] }: PodStatus,
  name: string,
): ContainerState {
  const found = [...containerStatuses, ...initContainerStatuses].find((one) => one.name === name);
  if (!found) throw new Error(`the pod tells nothing of its container ${name}`);
  return found;
}

/** The limits of memory of all cgroups that a kubelet has made, a line for each. */
export function memoryLimits(): string {
  const unified = readdirSync('/sys/fs/cgroup').includes('cgroup.controllers');
  const file = unified ? 'memory.max' : 'memory.limit_in_bytes';
  const script = `cat $(find /sys/fs/cgroup -path '*kubepods*' -name '${file}')`;
  return spawnSync('sh', ['-c', script], { encoding: 'utf8' }).stdout;
}
