import type { Columns } from '../format/list.ts';
import { joinLabels } from './formats.ts';

/** A pod as the daemon lists it. */
export interface Pod {
  Id: string;
  Name: string;
  Namespace: string;
  Uid: string;
  Attempt: number;
  Created: string;
  State: string;
  IPAddresses: string[];
  Containers: string[];
  Labels: Record<string, string>;
}

/** The columns of `pod ls`. */
export const podColumns = (short: boolean): Columns<Pod> => ({
  goType: '*formatter.podContext',
  columns: {
    ID: { header: 'POD ID', value: ({ Id }) => (short ? Id.slice(0, 12) : Id) },
    Name: { header: 'NAME', value: ({ Name }) => Name },
    Namespace: { header: 'NAMESPACE', value: ({ Namespace }) => Namespace },
    Attempt: { header: 'ATTEMPT', value: ({ Attempt }) => String(Attempt) },
    CreatedAt: { header: 'CREATED AT', value: ({ Created }) => Created },
    State: { header: 'STATE', value: ({ State }) => State },
    IP: { header: 'IP', value: ({ IPAddresses }) => IPAddresses.join(',') },
    Containers: { header: 'CONTAINERS', value: ({ Containers }) => String(Containers.length) },
    Labels: { header: 'LABELS', value: ({ Labels }) => joinLabels(Labels) },
  },
  methods: { Label: ({ Labels }, name) => Labels[name] ?? '' },
});
