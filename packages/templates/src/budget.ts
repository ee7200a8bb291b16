import { TemplateError } from './lex.ts';

/** The most that one use of a template may cost: steps (actions, passes of a range, commands), and characters of a text. */
export interface TemplateLimits {
  steps: number;
  size: number;
}

/** For templates of the machine's own user. */
export const UNLIMITED: TemplateLimits = { steps: Infinity, size: Infinity };

/** Counts the cost of one use of a template. */
export class Budget {
  private steps = 0;
  private readonly limits: TemplateLimits;

  constructor(limits: TemplateLimits) {
    this.limits = limits;
  }

  /** Throws TemplateError for more steps than there may be. */
  step(count = 1): void {
    this.steps += count;
    if (this.steps > this.limits.steps)
      throw new TemplateError(`template: : it takes more than ${this.limits.steps} steps`);
  }

  /** The value, unless it is a text longer than it may be: throws TemplateError then. */
  text<T>(value: T): T {
    if (typeof value === 'string' && value.length > this.limits.size)
      throw new TemplateError(`template: : a text in it has more than ${this.limits.size} characters`);
    return value;
  }
}
