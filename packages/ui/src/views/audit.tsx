import type { ResponseOf } from '@berth/api-spec';
import { call } from '../api/requests.ts';
import { visible } from '../base/text.ts';
import { Answer } from '../widgets/answer.tsx';

type Report = ResponseOf<'AuditHost'>;

/** The findings of an audit; `of` is `containers/ID`, `images/NAME`, `networks/ID` or `host`. */
export const Audit = ({ of, again = '' }: { of: string; again?: string }) => (
  <Answer
    again={`${of} ${again}`}
    ask={(signal) => call<'AuditHost'>('GET', `/berth/audit/${of}` as '/berth/audit/host', { signal })}
  >
    {(report) => <Findings report={report} />}
  </Answer>
);

const Findings = ({ report: { Findings: findings, Passed } }: { report: Report }) => (
  <>
    <p>
      {findings.length} findings, {Passed.length} rules hold.
    </p>
    {findings.map(({ Rule, Grade, Title, Reason, Incident, Mend, Evidence }) => (
      <section key={Rule} class="finding">
        <h2>
          <span class={`grade ${Grade}`}>{Grade}</span> {Title} <small>{Rule}</small>
        </h2>
        <p>{Reason}</p>
        <p>
          <small>{Incident}</small>
        </p>
        <ul>
          {Evidence.map((line, place) => (
            <li key={place}>
              <code>{visible(line)}</code>
            </li>
          ))}
        </ul>
        <p>
          <strong>Mend:</strong> <code>{Mend}</code>
        </p>
      </section>
    ))}
  </>
);
