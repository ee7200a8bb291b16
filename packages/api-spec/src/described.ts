/** The API document with its prose, for those who read it; the daemon decodes with the one without. */
export { document as described } from '../generated/described.ts';
