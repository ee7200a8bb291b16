// The first page of a session, see packages/client/src/ui. What another origin cannot read keeps the key; the page itself is
// gone to from here, so that the cookie counts as this site's own from its first request on.
import { KEY_NAME } from './base/key.ts';

const key = document.querySelector<HTMLMetaElement>('meta[name="berth-key"]')?.content;
if (key) localStorage.setItem(KEY_NAME, key);
location.replace('/');
