import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';

/** A component whose code is read when it is first shown: the first page does not wait for terminals and graphs. */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  let loaded: ComponentType<P> | undefined;
  return function Lazy(props: P) {
    const [, draw] = useState(0);
    useEffect(() => {
      if (loaded) return;
      let gone = false;
      void load().then((component) => {
        loaded = component;
        if (!gone) draw(1);
      });
      return () => {
        gone = true;
      };
    }, []);
    const Component = loaded;
    return Component ? <Component {...props} /> : <p class="waiting">Loading…</p>;
  };
}
