import { isStopped } from '../facts/proc.ts';
import type { Inquiry } from './inquiry.ts';

/** Whether a signal has stopped the first process of a container, which is the answer then, in the words of `text`. */
export function stopped(inquiry: Inquiry, text: string): boolean {
  const { state, record } = inquiry.container;
  if (!isStopped(state.pid)) return false;
  inquiry.saw('the state of its first process', 'T (stopped)');
  inquiry.answer('stopped', text, `Let it go on: \`berth kill --signal CONT ${record.name}\`.`);
  return true;
}
