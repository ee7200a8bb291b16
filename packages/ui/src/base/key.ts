/** Where the session's key is kept; storage belongs to an origin, whose port is part of it. */
export const KEY_NAME = 'berth-key';

/** The session's key. */
export const sessionKey = (): string => localStorage.getItem(KEY_NAME) ?? '';
