/** A difference between dockerd and Berth that is meant. */
interface Reason {
  /** `CLIENT: STEP`; without it each step. */
  at?: RegExp;
  /** The line of difference, with its sign: `-` of dockerd, `+` of Berth. */
  line: RegExp;
  reason: string;
}

const REASONS: Reason[] = [
  {
    at: /docker-py: save$/,
    line: /./,
    reason:
      'an image in the form that Docker had before 1.10 stands in no archive: nothing reads it since then',
  },
  {
    at: /buildx: (an archive of docker's|loaded|cache in a folder|an OCI archive|two platforms)$/,
    line: /./,
    reason: 'what dockerd has with the containerd image store alone, Berth has always',
  },
];

/** Why a line of difference is meant; undefined: it is not. */
export const reasonFor = (at: string, line: string): string | undefined =>
  REASONS.find((known) => (!known.at || known.at.test(at)) && known.line.test(line))?.reason;
