/** Whether an attribute says yes, as Go reads it (`strconv.ParseBool`). */
export const isTrue = (value: string | undefined): boolean => /^(1|t|true)$/i.test(value ?? '');
