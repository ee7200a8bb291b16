/** The name of the session's key in storage, which belongs to an origin; its port is part of that. */
export const KEY_NAME = 'berth-key';

/** The session's key. */
export const sessionKey = (): string => localStorage.getItem(KEY_NAME) ?? '';
