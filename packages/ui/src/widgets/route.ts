import { useEffect, useState } from 'preact/hooks';

/** The words of the address after `#/`. */
export const words = (hash: string): string[] =>
  hash
    .replace(/^#\/?/, '')
    .split('/')
    .filter(Boolean)
    .map((word) => {
      try {
        return decodeURIComponent(word);
      } catch {
        return word;
      }
    });

/** An address within the page. */
export const link = (...parts: string[]): string => `#/${parts.map(encodeURIComponent).join('/')}`;

/** The words of the present address, in a component that is drawn again when it changes. */
export function useRoute(): string[] {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const changed = (): void => setHash(location.hash);
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return words(hash);
}
