import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** The programs, by the variables of the environment that have their paths. This project holds none of them. */
export const PROGRAMS = {
  CRITEST: 'critest of cri-tools 1.34',
  CRICTL: 'crictl of cri-tools 1.34',
  KUBELET: 'kubelet 1.34',
  KUBE_APISERVER: 'kube-apiserver 1.34',
  KUBE_CONTROLLER_MANAGER: 'kube-controller-manager 1.34',
  KUBE_SCHEDULER: 'kube-scheduler 1.34',
  ETCD: "etcd (Debian's etcd-server)",
  KUBECTL: "kubectl (Debian's kubernetes-client)",
  CRI_DOCKERD: 'cri-dockerd 0.4.1',
} as const;

export type ProgramName = keyof typeof PROGRAMS;

/** Programs that Debian packages, found in PATH. */
const BY_NAME: Partial<Record<ProgramName, string>> = { ETCD: 'etcd', KUBECTL: 'kubectl' };

/** The path of a program; undefined where it is missing. @throws Error for a path that leads to no program. */
export function find(name: ProgramName): string | undefined {
  const given = process.env[name];
  if (given) {
    if (!isProgram(given)) throw new Error(`${name}: there is no program at ${given}`);
    return given;
  }
  const own = BY_NAME[name];
  const folders = own ? (process.env['PATH'] ?? '').split(':') : [];
  return folders.map((folder) => join(folder, own ?? '')).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return existsSync(path) && statSync(path).isFile();
  } catch {
    return false;
  }
}

/** The path of a program that a scenario has been found to have. */
export function need(name: ProgramName): string {
  const path = find(name);
  if (!path) throw new Error(`${name} is missing: set it to the path of ${PROGRAMS[name]}`);
  return path;
}
