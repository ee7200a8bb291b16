export * from './api.ts';
export { type LauncherOptions, openLauncher } from './launcher.ts';
export { nativeProgram } from './program.ts';
export { logRecord } from './supervisor/messages.ts';
