import { BerthError, invalidParameter } from '../../base/errors.ts';
import { type Context, setRecord } from '../model/context.ts';
import { checkName } from '../model/names.ts';

/**
 * Gives a container another name, in its networks too.
 * @throws invalid-parameter for a name that is none or its own, conflict for one that is taken, not-found.
 */
export async function renameContainer(context: Context, reference: string, given: string): Promise<void> {
  const { registry } = context;
  const name = given.replace(/^\//, '');
  if (reference === '' || name === '') throw invalidParameter('Neither old nor new names may be empty');
  const container = registry.lookup(reference);
  await container.queue(async () => {
    const old = container.record.name;
    if (name === old) throw invalidParameter('Renaming a container with the same name as its current name');
    try {
      checkName(name, `/${name}`);
      registry.reserve(name, container.id);
    } catch (error) {
      const { kind, message } = error as BerthError;
      throw new BerthError(kind, `Error when allocating new name: ${message}`, { cause: error });
    }
    registry.release(old, container.id);
    setRecord(context, container, { ...container.record, name });
    await context.rooms.store.flushOr(() => {
      // It was not answered, so it is not done; the old name may be another's by now, then the new one stays.
      if (registry.nameTaken(old)) return;
      registry.reserve(old, container.id);
      registry.release(name, container.id);
      setRecord(context, container, { ...container.record, name: old });
    });
    context.rooms.networks.renamed(container.id, name);
    context.emit(container, 'rename', { oldName: `/${old}` });
  });
}
