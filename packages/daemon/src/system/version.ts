import { BUILD_TIME, VERSION } from '../base/version.ts';
import { goArchitecture, kernelVersion } from './machine.ts';

/** The reply of `/version`. */
export function versionInfo(apiVersion: string, minApiVersion: string, experimental: boolean) {
  return {
    Platform: { Name: 'Berth' },
    Components: [
      {
        Name: 'Engine',
        Version: VERSION,
        Details: {
          ApiVersion: apiVersion,
          Arch: goArchitecture,
          BuildTime: BUILD_TIME,
          Experimental: String(experimental),
          GitCommit: '',
          GoVersion: '',
          KernelVersion: kernelVersion,
          MinAPIVersion: minApiVersion,
          NodeVersion: process.versions.node,
          Os: 'linux',
        },
      },
    ],
    Version: VERSION,
    ApiVersion: apiVersion,
    MinAPIVersion: minApiVersion,
    GitCommit: '',
    GoVersion: '',
    Os: 'linux',
    Arch: goArchitecture,
    KernelVersion: kernelVersion,
    ...(experimental && { Experimental: true }),
    BuildTime: BUILD_TIME,
  };
}
