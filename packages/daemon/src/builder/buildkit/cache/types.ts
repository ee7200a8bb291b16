/** One `--cache-from`. */
export interface CacheImport {
  type: string;
  attributes: Record<string, string>;
}

/** What of a build others may take from where. */
export interface CacheExports {
  /** In the image's own configuration. */
  inline: boolean;
  /** In a manifest of its own. */
  registry: Array<Record<string, string>>;
}
