import { cell, type Why } from './rows.ts';

/** The questions that are answered, in words. */
export const QUESTIONS: Record<string, string> = {
  exit: 'Why did it end?',
  reach: 'Why is it not reached?',
  write: 'Why can it not write?',
  slow: 'Why is it slow?',
  resolve: 'Why was a name not found?',
  health: 'Why is it unhealthy?',
};

/** The answers as text, each with what was looked at. */
export function whyText({ Name, Status, Answers, Looked }: Why): string {
  let text = `${cell(Name)}: ${Status}\n`;
  for (const { Question, Text, Advice, Evidence, Sure, Cause } of Answers) {
    text += `\n${QUESTIONS[Question] ?? Question} (${Cause}${Sure ? '' : ', perhaps'})\n  ${cell(Text)}\n`;
    if (Advice) text += `  To do: ${cell(Advice)}\n`;
    for (const { Source, Found } of Evidence) text += `    ${cell(Source)}: ${cell(Found)}\n`;
  }
  const answered = new Set(Answers.map(({ Question }) => Question as string));
  for (const { Question, Sources } of Looked)
    if (!answered.has(Question))
      text += `\n${QUESTIONS[Question] ?? Question}\n  Nothing found. Looked at: ${Sources.map(cell).join('; ')}\n`;
  return text;
}
