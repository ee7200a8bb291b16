import type { ContainerSettings } from './container-config.ts';

/** The body of a create request. `consoleSize` has rows and columns of the terminal, or zeros. */
export function createBody(
  { config, hostConfig, endpoints }: ContainerSettings,
  consoleSize: readonly unknown[],
): Record<string, unknown> {
  return {
    ...config,
    HostConfig: { ...hostConfig, ConsoleSize: consoleSize },
    NetworkingConfig: { EndpointsConfig: endpoints },
  };
}
