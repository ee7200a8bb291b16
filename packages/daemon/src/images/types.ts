import type { ImageRunConfig } from '../dockerfile/types.ts';
import type { Layer } from '../layers/api.ts';

export type { ImageRunConfig };

/* The objects that the room of images speaks of. */

/** An OCI image configuration (image-spec, config.md). */
export interface ImageConfig {
  architecture: string;
  os: string;
  variant?: string;
  created?: string;
  author?: string;
  config?: ImageRunConfig;
  rootfs: { type: 'layers'; diff_ids: string[] };
  history?: Array<{
    created?: string;
    created_by?: string;
    comment?: string;
    author?: string;
    empty_layer?: boolean;
  }>;
  /** The steps of a build that others may take from the image: a list of records, JSON in base64 (BuildKit's inline cache). */
  'moby.buildkit.cache.v0'?: string;
}

/** One image that is whole on this machine. */
export interface Image {
  /** sha256:<hex> of the configuration. */
  id: string;
  config: ImageConfig;
  /** Characters of the configuration as it is kept. */
  configSize: number;
  size: number;
  created: string;
  repoTags: string[];
  repoDigests: string[];
  parent: string;
}

/** An OCI descriptor: how an image's index or manifest is referred to. */
export interface ImageDescriptor {
  mediaType: string;
  digest: string;
  size: number;
  platform?: { architecture: string; os: string; 'os.version'?: string; variant?: string };
  annotations?: Record<string, string>;
}

/** A statement about an image (in-toto): the type of its predicate, and the predicate as JSON. */
export interface Attestation {
  predicateType: string;
  predicate: string;
}

/** One platform's image of what a build made, its layers being here and held. */
export interface BuiltImage {
  config: ImageConfig;
  attestations: Attestation[];
  /** The annotations of its manifest. */
  annotations?: Record<string, string>;
}

/** A manifest that an image is made of: one platform's image, an attestation, or what is not known. */
export interface ImageManifest {
  ID: string;
  Descriptor: ImageDescriptor;
  Available: boolean;
  Size: { Content: number; Total: number };
  Kind: 'image' | 'attestation' | 'unknown';
  ImageData?: {
    Platform: NonNullable<ImageDescriptor['platform']>;
    /** Ids of the containers that use it. */
    Containers: string[];
    Size: { Unpacked: number };
  };
  AttestationData?: { For: string };
}

/** An image in a list, with the members of the newest API version; routes take away what older versions did not have. */
export interface ImageSummary {
  Containers: number;
  Created: number;
  Id: string;
  Labels: Record<string, string> | null;
  ParentId: string;
  RepoDigests: string[];
  RepoTags: string[];
  SharedSize: number;
  /** Bytes of its layers for all platforms that are here. */
  Size: number;
  /** Absent when the image lacks a layer. */
  Descriptor?: ImageDescriptor;
  Manifests?: ImageManifest[];
}

/** Everything about one image, with the members of all API versions. */
export interface ImageInspect {
  Id: string;
  RepoTags: string[];
  RepoDigests: string[];
  Parent: string;
  Comment: string;
  Created?: string;
  Container: string;
  ContainerConfig: Record<string, unknown>;
  DockerVersion: string;
  Author: string;
  Config: Record<string, unknown>;
  Architecture: string;
  Variant?: string;
  Os: string;
  OsVersion?: string;
  Size: number;
  GraphDriver: { Data: Record<string, string> | null; Name: string };
  RootFS: { Type: string; Layers?: string[] };
  Metadata: { LastTagTime: string };
  /** Absent when the image lacks a layer. */
  Descriptor?: ImageDescriptor;
  Manifests?: ImageManifest[];
}

export interface HistoryStep {
  Comment: string;
  Created: number;
  CreatedBy: string;
  Id: string;
  Size: number;
  Tags: string[] | null;
}

/** A path in an analysis; `Layer` counts from 0, the lowest. */
export interface AnalysisPath {
  Path: string;
  Size: number;
  Layer?: number;
}

export interface AnalysisCount {
  Files: number;
  Size: number;
}

export interface AnalysisLayer {
  Index: number;
  DiffId: string;
  CreatedBy: string;
  Size: number;
  Files: number;
  Added: AnalysisCount;
  Changed: AnalysisCount;
  /** The files of layers below that it hides. */
  Hidden: AnalysisCount;
  /** Files of the layer that layers above hide. */
  Wasted: AnalysisCount;
  Largest: AnalysisPath[];
}

/** The files that the layers of an image add, change, hide and waste. Sizes are bytes of file contents. */
export interface ImageAnalysis {
  Id: string;
  Name: string;
  Size: number;
  VisibleSize: number;
  WastedSize: number;
  /** 0 to 100: the share of the image's bytes that is of use. */
  Score: number;
  Layers: AnalysisLayer[];
  LargestDirectories: AnalysisPath[];
  LargestFiles: AnalysisPath[];
  Wasted: Array<{
    Path: string;
    Size: number;
    Layers: number[];
    Reason: 'replaced' | 'deleted' | 'metadata';
  }>;
  Duplicates: Array<{ Digest: string; Size: number; Wasted: number; Count: number; Paths: string[] }>;
  Hints: Array<{ Kind: string; Message: string; Size: number; Layers: number[]; Paths: string[] }>;
}

/** A line of a progress stream (`{"status":...}`), sent as is. */
export type Progress = Record<string, unknown>;
/** Takes one line of progress. It returns a promise while the client is behind; a sender of many lines waits for it. */
export type OnProgress = (line: Progress) => unknown;

/** A repository that a search found. */
export interface FoundImage {
  star_count: number;
  is_official: boolean;
  name: string;
  is_automated: boolean;
  description: string;
}

/** A name's content in a registry. */
export interface DistributedImage {
  Descriptor: ImageDescriptor;
  Platforms: Array<{ architecture: string; os: string; variant?: string }>;
}

export interface RegistryAuth {
  username?: string;
  password?: string;
  serveraddress?: string;
  identitytoken?: string;
  registrytoken?: string;
}

/** The steps of earlier builds in a registry. */
export interface CacheSource {
  /** The media type of the document that the reference stands for. */
  mediaType: string;
  /** An image, with its configuration; or a cache, with a BuildKit cache configuration. */
  kind: 'image' | 'cache';
  config: string;
  layers: ImageDescriptor[];
  /** Fetches one of the layers; hold it first. @throws when it cannot be had, or is not what `diffId` says. */
  fetch(
    layer: ImageDescriptor,
    diffId: string,
    options: { signal: AbortSignal; onProgress: OnProgress },
  ): Promise<Layer>;
}

/** An image that is made here (commit, build), as a change of its parent. */
export interface CreateOptions {
  /** The parent's id; an image without one begins with its own layer. */
  parent?: string;
  config: ImageRunConfig;
  layer?: { diffId: string; size: number };
  history: { created_by?: string; comment?: string; author?: string };
  /** The platform where it is not the parent's, or the machine's without a parent. */
  architecture?: string;
  os?: string;
  variant?: string;
  reference?: string;
  /** For a step of a build, which is safe from a power cut only with the image that `settle` is called for. */
  step?: {
    /** Told how long the configuration is, in characters. @throws where the build may not have it */
    admit(size: number): void;
    /** Told the image's id before any other request can find it. */
    made(id: string): void;
  };
}
