/** The storage driver's name for clients that know a store of images by manifest; the folders of layers are no more told. */
export const SNAPSHOTTER = 'overlayfs';

/** A copy without some of its members. */
export function without<Shape extends object, Name extends keyof Shape>(
  shape: Shape,
  names: readonly Name[],
): Omit<Shape, Name> & Partial<Pick<Shape, Name>> {
  const rest: Partial<Shape> & Omit<Shape, Name> = { ...shape };
  for (const name of names) delete rest[name];
  return rest;
}
