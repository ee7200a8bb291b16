import { useEffect, useState } from 'preact/hooks';
import type { Value } from './value.ts';

/** The value, in a component that is drawn again when it changes. */
export function useValue<T>(value: Value<T>): T {
  const [, draw] = useState<unknown>(value.get());
  useEffect(() => {
    draw(value.get());
    return value.follow(() => draw(value.get()));
  }, [value]);
  return value.get();
}
