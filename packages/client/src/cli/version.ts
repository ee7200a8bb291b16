/** The version of this client. */
export const clientVersion = '0.1.0';
