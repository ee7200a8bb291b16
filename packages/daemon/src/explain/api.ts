import type { ResponseOf } from '@berth/api-spec';

/** The facts of a container, as the API document describes them. */
export type ContainerExplanation = ResponseOf<'ExplainContainer'>;
/** The facts of an image. */
export type ImageExplanation = ResponseOf<'ExplainImage'>;
/** The facts of a network. */
export type NetworkExplanation = ResponseOf<'ExplainNetwork'>;
/** Answers of `explain --why`. */
export type WhyAnswers = ResponseOf<'ExplainContainerWhy'>;
/** The answer to one question, with its evidence. */
export type WhyAnswer = WhyAnswers['Answers'][number];
/** A question that `--why` knows: exit, reach, write, slow and so on. */
export type Question = WhyAnswer['Question'];

/** One namespace of a container, and whose it is. */
export type ExplainedNamespace = ContainerExplanation['Namespaces'][number];
/** A process of a container. */
export type ExplainedProcess = ContainerExplanation['Processes'][number];
/** A container's limits beside its use. */
export type ExplainedLimits = NonNullable<ContainerExplanation['Limits']>;
/** The mounts that make a container's root. */
export type ExplainedRoot = ContainerExplanation['Root'];
/** One layer of that root. */
export type ExplainedLayer = ExplainedRoot['Layers'][number];
/** A container's interfaces, routes, sockets and the way of its packets. */
export type ExplainedNetworking = ContainerExplanation['Network'];
/** A socket that a container listens at. */
export type ExplainedSocket = ExplainedNetworking['Listening'][number];
/** A route in its network namespace. */
export type ExplainedRoute = ExplainedNetworking['Routes'][number];
/** The users of the host that its users are. */
export type ExplainedUsers = ContainerExplanation['Users'];
/** One range of its user namespace. */
export type ExplainedMap = ExplainedUsers['Uids'][number];
/** Capabilities, seccomp, AppArmor and no-new-privileges of its first process. */
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
