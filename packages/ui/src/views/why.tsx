import { QUESTIONS } from '@berth/client/explain/why.ts';
import { call } from '../api/requests.ts';
import { visible } from '../base/text.ts';
import { Answer } from '../widgets/answer.tsx';

/** Why a container does not work, from evidence; what was looked at stands with each answer. */
export const Why = ({ id, again }: { id: string; again: string }) => (
  <Answer
    again={again}
    ask={(signal) =>
      call<'ExplainContainerWhy'>(
        'GET',
        `/berth/explain/containers/${id}/why` as '/berth/explain/containers/{id}/why',
        {
          signal,
        },
      )
    }
  >
    {({ Answers, Looked }) => {
      const answered = new Set<string>(Answers.map(({ Question }) => Question));
      return (
        <>
          {Answers.map(({ Question, Text, Advice, Evidence, Sure, Cause }, index) => (
            <section key={index} class="finding">
              <h2>{QUESTIONS[Question] ?? Question}</h2>
              <p>
                {visible(Text)} <small>({Sure ? Cause : `${Cause}, perhaps`})</small>
              </p>
              {Advice && (
                <p>
                  <strong>To do:</strong> {visible(Advice)}
                </p>
              )}
              <ul>
                {Evidence.map(({ Source, Found }, place) => (
                  <li key={place}>
                    {visible(Source)}: <code>{visible(Found)}</code>
                  </li>
                ))}
              </ul>
            </section>
          ))}
          <h2>Nothing found</h2>
          <ul>
            {Looked.filter(({ Question }) => !answered.has(Question)).map(({ Question, Sources }) => (
              <li key={Question}>
                {QUESTIONS[Question] ?? Question} <small>Looked at: {visible(Sources.join('; '))}</small>
              </li>
            ))}
          </ul>
        </>
      );
    }}
  </Answer>
);
