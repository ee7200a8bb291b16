import type { ResponseOf } from '@berth/api-spec';

export type ContainerExplanation = ResponseOf<'ExplainContainer'>;
export type ImageExplanation = ResponseOf<'ExplainImage'>;
export type NetworkExplanation = ResponseOf<'ExplainNetwork'>;
export type WhyAnswers = ResponseOf<'ExplainContainerWhy'>;
export type WhyAnswer = WhyAnswers['Answers'][number];
export type Question = WhyAnswer['Question'];

export type ExplainedNamespace = ContainerExplanation['Namespaces'][number];
export type ExplainedProcess = ContainerExplanation['Processes'][number];
export type ExplainedLimits = NonNullable<ContainerExplanation['Limits']>;
export type ExplainedRoot = ContainerExplanation['Root'];
export type ExplainedLayer = ExplainedRoot['Layers'][number];
export type ExplainedNetworking = ContainerExplanation['Network'];
export type ExplainedSocket = ExplainedNetworking['Listening'][number];
export type ExplainedRoute = ExplainedNetworking['Routes'][number];
export type ExplainedUsers = ContainerExplanation['Users'];
export type ExplainedMap = ExplainedUsers['Uids'][number];
export type ExplainedConfinement = ContainerExplanation['Confinement'];

/** Options that narrow a question. */
export interface WhyOptions {
  /** All of them when empty. */
  questions: Question[];
  /** Another container, from which this one is not reached. */
  from?: string;
  /** The name that was not found. */
  name?: string;
  /** A path in the container that could not be written to. */
  path?: string;
}

/** Tells the facts of containers, images and networks. A reference is what the other rooms take. */
export interface Explain {
  /** @throws not-found */
  container(reference: string): Promise<ContainerExplanation>;
  /** @throws not-found */
  image(reference: string): Promise<ImageExplanation>;
  /** @throws not-found */
  network(reference: string): Promise<NetworkExplanation>;
  /** Answers from evidence; a question that nothing was found for has none. @throws not-found */
  why(reference: string, options: WhyOptions): Promise<WhyAnswers>;
}
