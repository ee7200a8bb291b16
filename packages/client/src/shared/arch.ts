const names: Partial<Record<NodeJS.Architecture, string>> = { x64: 'amd64', ia32: '386' };

/** This machine's architecture as images and Docker name it. */
export const goArch = (): string => names[process.arch] ?? process.arch;
