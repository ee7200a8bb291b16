/** Messages of programs about a name that is not found, with the name. */
export const UNKNOWN_NAMES = [
  /could not resolve host:? ['"]?([\w.-]+)/i,
  /bad address ['"]?([\w.-]+)/i,
  /can't resolve ['"]?([\w.-]+)/i,
  /unable to resolve host address ['"]?([\w.-]+)/i,
  /lookup ([\w.-]+)(?: on \S+)?: (?:no such host|server misbehaving|i\/o timeout)/i,
  /getaddrinfo (?:ENOTFOUND|EAI_AGAIN) ([\w.-]+)/,
  /could not translate host name ['"]([\w.-]+)/i,
  /failed to resolve ['"]([\w.-]+)/i,
  // The lookbehind has it begin where a word does: a line of one long word would be tried from each of its letters.
  /(?<![\w.-])([\w.-]+)['"]?: (?:Name or service not known|Temporary failure in name resolution|Name does not resolve)/i,
];
