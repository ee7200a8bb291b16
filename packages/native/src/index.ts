export * from './api.ts';
export { type LauncherOptions, logRecord, openLauncher } from './launcher.ts';
export { nativeProgram } from './program.ts';
