import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { inThread, threadProgram } from '../base/thread.ts';
import type { Image } from '../images/api.ts';
import type { AuditFinding, AuditReport } from './api.ts';
import { hostFacts } from './host-facts.ts';
import type { AuditRooms } from './rooms.ts';
import type { Rule } from './rule.ts';
import { CONTAINER_RULES } from './rules/container.ts';
import { HOST_RULES } from './rules/host.ts';
import { IMAGE_RULES, type ImageSubject } from './rules/image.ts';
import { NETWORK_RULES } from './rules/network.ts';
import type { ImageScan } from './scan.ts';
import type { ScanJob } from './worker.ts';

const ORDER = ['high', 'medium', 'low', 'info'];
/** So many pieces of evidence stand with a finding. */
const MOST_EVIDENCE = 20;
const EVIDENCE_LENGTH = 300;
/** How long a registry is waited for, in milliseconds: the rest is told without it. */
const REGISTRY_PATIENCE = 4000;
/** The program of the thread that looks into layers. */
const SCAN = threadProgram(import.meta.url, './worker.ts', './berthd-scan.mjs');
const SCAN_MEMORY = 512;

/** Holds subjects against their rules. */
export class Auditor {
  readonly #rooms: AuditRooms;

  constructor(rooms: AuditRooms) {
    this.#rooms = rooms;
  }

  async container(reference: string): Promise<AuditReport> {
    const { containers, explain, images, settings } = this.#rooms;
    const container = containers.get(reference);
    const { imageId, imageName } = container.record;
    const image = images.get(imageId);
    const subject = {
      container,
      facts: await explain.container(container.record.id),
      imageHosts: {
        elsewhere: image !== undefined && isElsewhere(image),
        pinned: /@sha256:|^sha256:/.test(imageName),
      },
      remapped: settings.usernsRemap !== '',
      hasAppArmor: hasAppArmor(),
    };
    return report('container', container.record.name, CONTAINER_RULES, subject);
  }

  async image(reference: string, signal?: AbortSignal): Promise<AuditReport> {
    const image = this.#rooms.images.resolve(reference);
    const [scan, newerBase] = await Promise.all([this.#scan(image, signal), this.#newerBase(image)]);
    const elsewhere = isElsewhere(image);
    return report('image', image.repoTags[0] ?? image.id, IMAGE_RULES, {
      image,
      scan,
      elsewhere,
      ...(newerBase && { newerBase }),
    });
  }

  async network(reference: string): Promise<AuditReport> {
    const { networks, explain } = this.#rooms;
    const facts = await explain.network(reference);
    const network = networks.inspect(facts.NetworkId);
    return report('network', facts.Network, NETWORK_RULES, { network, facts });
  }

  async host(): Promise<AuditReport> {
    const { settings, networks } = this.#rooms;
    const others = await networks.otherRules().catch(() => ({ rules: [] }));
    return report('host', hostname(), HOST_RULES, hostFacts(settings, hasAppArmor(), others));
  }

  async #scan({ config }: Image, signal: AbortSignal | undefined): Promise<ImageScan> {
    const { images, layers } = this.#rooms;
    const diffIds = config.rootfs.diff_ids;
    const release = images.lease(diffIds);
    try {
      const job: ScanJob = { diffIds, files: layers.files(diffIds) };
      return await inThread<ImageScan>(SCAN, job, {
        name: 'scan',
        memory: SCAN_MEMORY,
        tooLarge: 'the image is too large to be audited',
        signal,
      });
    } finally {
      await release();
    }
  }

  /** The base image that an image names (OCI's annotations as labels), where a registry has another one by that name now. */
  async #newerBase(image: Image): Promise<ImageSubject['newerBase']> {
    const labels = image.config.config?.Labels ?? {};
    const name = labels['org.opencontainers.image.base.name'];
    const has = labels['org.opencontainers.image.base.digest'];
    if (!name || !has) return undefined;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), REGISTRY_PATIENCE);
    });
    // A registry that is not reached says nothing about the image.
    const asked = this.#rooms.images.distribution(name).catch(() => undefined);
    const found = await Promise.race([asked, late]);
    clearTimeout(timer);
    const newest = found?.Descriptor.digest;
    return newest !== undefined && newest !== has ? { name, has, newest } : undefined;
  }
}

/** The image came from a registry. */
const isElsewhere = ({ repoDigests }: Image) => repoDigests.length > 0;

const hasAppArmor = () => existsSync('/sys/kernel/security/apparmor/profiles');

function report<Subject>(
  Kind: AuditReport['Kind'],
  Target: string,
  rules: readonly Rule<Subject>[],
  subject: Subject,
): AuditReport {
  const Findings: AuditFinding[] = [];
  const Passed: string[] = [];
  for (const { id, grade, title, reason, incident, mend, find } of rules) {
    const evidence = find(subject);
    if (evidence.length === 0) Passed.push(id);
    else
      Findings.push({
        Rule: id,
        Grade: grade,
        Title: title,
        Reason: reason,
        Incident: incident,
        Mend: mend,
        Evidence: evidence.slice(0, MOST_EVIDENCE).map((text) => text.slice(0, EVIDENCE_LENGTH)),
      });
  }
  Findings.sort((a, b) => ORDER.indexOf(a.Grade) - ORDER.indexOf(b.Grade));
  return { Kind, Target, Findings, Passed };
}
