/** This Berth's version. */
export const VERSION = '0.1.0';

/** The time of this version's build, as `/version` shows it. */
export const BUILD_TIME = '2026-11-27T00:00:00.000000000+00:00';
