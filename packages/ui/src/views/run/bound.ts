import type { RunForm } from './body.ts';
import type { FieldName } from './fields.ts';

/** Properties of each part of the form: the values, a function that changes them, and the fault of a field. */
export interface PartProps {
  form: RunForm;
  change: (parts: Partial<RunForm>) => void;
  wrongAt: (field: FieldName) => string | undefined;
}

/** The members of `T` that are text. */
type TextOf<T> = { [Name in keyof T]: T[Name] extends string ? Name : never }[keyof T] & string;

interface Bound {
  value: string;
  onValue: (value: string) => void;
}

const boundTo = <T extends object>(
  values: T,
  change: (parts: Partial<T>) => void,
  name: TextOf<T>,
): Bound => ({
  value: values[name] as string,
  onValue: (value) => change({ [name]: value } as Partial<T>),
});

/** Properties of the input of a member of the form, with the fault of the field of the same name. */
export const bound = ({ form, change, wrongAt }: PartProps, name: TextOf<RunForm> & FieldName) => ({
  ...boundTo(form, change, name),
  error: wrongAt(name),
});

/** Properties of the input of a member of the form whose fault is told elsewhere, or by another field's name. */
export const boundText = ({ form, change }: PartProps, name: TextOf<RunForm>): Bound =>
  boundTo(form, change, name);

/** Properties of the inputs of a row, by their members and their names. */
export const cellsOf =
  <T extends object>(row: T, change: (parts: Partial<T>) => void, label: (name: string) => string) =>
  (member: TextOf<T>, name: string) => ({ ...boundTo(row, change, member), label: label(name) });
