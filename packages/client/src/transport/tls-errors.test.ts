import { explainTls } from './tls-errors.ts';

test.each([
  [
    'ERR_SSL_WRONG_VERSION_NUMBER',
    'C0:error:0A00010B:SSL routines:ssl3_get_record:wrong version number',
    /does not speak TLS/,
  ],
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'x', /demands a client certificate/],
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'x', /does not trust this client/],
  ['CERT_HAS_EXPIRED', 'certificate has expired', /daemon's certificate has expired/],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'self-signed certificate in certificate chain', /unknown authority/],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'unable to verify the first certificate', /unknown authority/],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed certificate', /unknown authority/],
  ['ERR_TLS_CERT_ALTNAME_INVALID', "Hostname/IP does not match certificate's altnames", /another host name/],
  ['ERR_OSSL_PEM_NO_START_LINE', 'error:0480006C:PEM routines::no start line', /not a valid PEM file/],
  ['ERR_OSSL_X509_KEY_VALUES_MISMATCH', 'x', /does not belong/],
  ['EPROTO', 'write EPROTO C0:error:0A000999:SSL routines:x:odd', /do not agree/],
])('%s is told in a sentence', (code, message, sentence) => {
  const told = explainTls({ code, message });
  expect(told).toMatch(sentence);
  expect(told).not.toMatch(/routines|ERR_|error:/);
});

test('other errors are none of TLS', () => {
  expect(explainTls({ code: 'ECONNREFUSED', message: 'connect ECONNREFUSED' })).toBeUndefined();
});
