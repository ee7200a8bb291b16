export type Grade = 'high' | 'medium' | 'low' | 'info';

/** A rule about one kind of subject: what is wrong, why it matters, and what mends it. */
export interface Rule<Subject> {
  /** Stable: other programs know the rule by it. */
  id: string;
  grade: Grade;
  title: string;
  /** The harm that an attacker, or an accident, can do by it. */
  reason: string;
  /** The class of incident behind it, with one that is known. */
  incident: string;
  /** The flag or instruction that mends it. */
  mend: string;
  /** The same rule elsewhere: Docker Bench for Security (CIS), trivy, dockle. */
  also?: string;
  /** The violations that were found; none where the rule holds. */
  find: (subject: Subject) => readonly string[];
}

/** The evidence of a violation where something is wrong, none else. */
export const when = (wrong: unknown, ...evidence: string[]): readonly string[] => (wrong ? evidence : []);
