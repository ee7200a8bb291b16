/** Secrets that are known by their form. Linear patterns only: the texts are whatever an image holds. */
const KINDS: Array<[name: string, pattern: RegExp]> = [
  ['AWS access key', /\bA(?:KIA|SIA)[0-9A-Z]{16}\b/],
  ['GitHub token', /\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60})/],
  ['GitLab token', /\bglpat-[A-Za-z0-9_-]{20}/],
  ['Slack token', /\bxox[abprs]-[A-Za-z0-9-]{10}/],
  ['Google API key', /\bAIza[0-9A-Za-z_-]{35}/],
  ['Stripe key', /\b[sr]k_live_[0-9A-Za-z]{20}/],
  ['npm token', /\bnpm_[A-Za-z0-9]{36}/],
  ['PyPI token', /\bpypi-AgE[A-Za-z0-9_-]{40}/],
  ['Docker token', /\bdckr_pat_[A-Za-z0-9_-]{20}/],
  ['private key', /-----BEGIN (?:RSA |EC |DSA |OPENSSH |ENCRYPTED |PGP )?PRIVATE KEY/],
  ['JSON web token', /\beyJ[A-Za-z0-9_-]{10,200}\.eyJ[A-Za-z0-9_-]{10,2000}\.[A-Za-z0-9_-]{10}/],
  ['Azure account key', /\bAccountKey=[A-Za-z0-9+/]{60}/],
  ['password in a URL', /\b[a-z][a-z0-9+]{1,15}:\/\/[^\s:/@'"$]{1,64}:[^\s:/@'"${]{3,128}@[\w.-]/],
];
/** One look tells whether a text can hold any of them. */
const ANY =
  /A(?:KIA|SIA)|gh[pousr]_|github_pat_|glpat-|xox[abprs]-|AIza|k_live_|npm_|pypi-|dckr_pat_|PRIVATE KEY|eyJ|AccountKey=|:\/\//;
const NAMES = /(?:PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|CREDENTIALS?)/i;
/** Names of files and switches, not secrets themselves. */
const NOT_NAMES = /(?:_FILE|_PATH|_DIR|_URL|_NAME|_TTL|_EXPIRY|_LENGTH)$|^(?:ALLOW|ENABLE|DISABLE|USE|NO)_/i;
const SHORTEST = 4;

/** The kind of secret that a text holds; undefined: none that is known. */
export function secretIn(text: string): string | undefined {
  if (!ANY.test(text)) return undefined;
  return KINDS.find(([, pattern]) => pattern.test(text))?.[0];
}

/** `NAME=value` entries that hold secrets, without the secrets: the name, and how it was told. */
export function secretVariables(entries: readonly string[]): string[] {
  return entries.flatMap((entry) => {
    const equals = entry.indexOf('=');
    const name = equals === -1 ? entry : entry.slice(0, equals);
    const value = equals === -1 ? '' : entry.slice(equals + 1);
    const kind = secretIn(value);
    if (kind) return [`${name}: a ${kind}`];
    if (!NAMES.test(name) || NOT_NAMES.test(name) || value.length < SHORTEST) return [];
    // A switch, a number or a path is no secret.
    if (/^(?:true|false|yes|no|none|null|\d+|[./].*)$/i.test(value)) return [];
    return [`${name}: ${value.length} characters`];
  });
}
