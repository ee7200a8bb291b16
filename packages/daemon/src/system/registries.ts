import type { Settings } from '../config/settings.ts';

/** The RegistryConfig member of `/info`. */
export function registryConfig(settings: Settings): Record<string, unknown> {
  const networks = settings.insecureRegistries.filter(
    (entry) => entry.includes('/') && /^[\d.:a-f/]+$/i.test(entry),
  );
  const mirrors = settings.registryMirrors.map((mirror) => (mirror.endsWith('/') ? mirror : `${mirror}/`));
  const configs: Record<string, unknown> = {
    'docker.io': { Name: 'docker.io', Mirrors: mirrors, Secure: true, Official: true },
  };
  for (const name of settings.insecureRegistries)
    if (!networks.includes(name)) configs[name] = { Name: name, Mirrors: [], Secure: false, Official: false };
  return {
    InsecureRegistryCIDRs: [...networks, '::1/128', '127.0.0.0/8'],
    IndexConfigs: configs,
    Mirrors: mirrors.length > 0 ? mirrors : null,
  };
}
