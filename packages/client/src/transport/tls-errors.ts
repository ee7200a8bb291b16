import type { Endpoint } from './endpoint.ts';
import { ClosedError } from './errors.ts';

/** The messages of OpenSSL and Node for failed TLS connections, with their meaning for the user. */
const MEANINGS: Array<[RegExp, string]> = [
  [
    /WRONG_VERSION_NUMBER|wrong version number|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|UNKNOWN_PROTOCOL/i,
    'the daemon does not speak TLS there: leave --tls and --tlsverify out, or use the port that has TLS',
  ],
  [
    /ALERT_CERTIFICATE_REQUIRED|certificate required|HANDSHAKE_FAILURE|handshake failure/i,
    'the daemon demands a client certificate: give --tlscert and --tlskey',
  ],
  [
    /ALERT_UNKNOWN_CA|alert unknown ca|ALERT_BAD_CERTIFICATE|alert bad certificate|ALERT_CERTIFICATE_UNKNOWN/i,
    "the daemon does not trust this client's certificate: --tlscert must be signed by the CA that the daemon knows",
  ],
  [
    /ALERT_CERTIFICATE_EXPIRED|alert certificate expired/i,
    "this client's certificate has expired: make a new one (--tlscert)",
  ],
  [/CERT_HAS_EXPIRED|certificate has expired/i, "the daemon's certificate has expired"],
  [/CERT_NOT_YET_VALID|not yet valid/i, "the daemon's certificate is not valid yet: is the clock right?"],
  [
    /SELF_SIGNED|self.signed|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|unable to (?:verify|get)|CERT_SIGNATURE_FAILURE/i,
    "the daemon's certificate is signed by an unknown authority: give its CA with --tlscacert",
  ],
  [
    /ALTNAME|does not match certificate/i,
    "the daemon's certificate is for another host name: use a name that is in the certificate",
  ],
  [/KEY_VALUES_MISMATCH|key values mismatch/i, 'the client key does not belong to the client certificate'],
  [
    /PEM|ASN1|DECODER|UNSUPPORTED|no start line/i,
    'a certificate or key is not a valid PEM file: look at --tlscacert, --tlscert and --tlskey',
  ],
];

/** A plain sentence for an error of TLS; undefined for any other error. */
export function explainTls(error: { code?: string | undefined; message: string }): string | undefined {
  const { code = '', message } = error;
  const ours = /^(ERR_SSL|ERR_TLS|ERR_OSSL|CERT_|UNABLE_|SELF_|DEPTH_|EPROTO)|SELF_SIGNED/.test(code);
  if (!ours && !/:SSL routines:|OPENSSL_internal/.test(message)) return undefined;
  const meaning = MEANINGS.find(([pattern]) => pattern.test(code) || pattern.test(message))?.[1];
  return `TLS: ${meaning ?? 'the daemon and this client do not agree on a secure connection: are both sides recent?'}`;
}

/**
 * A TLS connection that ended before any answer: TLS 1.3 lets a client begin before the server has judged its
 * certificate, and a server that does not accept it may just close.
 */
export function explainClosedTls(endpoint: Endpoint, error: NodeJS.ErrnoException): string | undefined {
  if (!endpoint.tls || !(error instanceof ClosedError || /^(ECONNRESET|EPIPE)$/.test(error.code ?? '')))
    return undefined;
  return endpoint.tls.cert
    ? "TLS: the daemon closed the connection: it may not trust this client's certificate (--tlscert must be signed by the CA that the daemon knows)"
    : 'TLS: the daemon closed the connection: it may demand a client certificate (give --tlscert and --tlskey)';
}
