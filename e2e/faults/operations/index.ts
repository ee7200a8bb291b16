import type { User } from '../user.ts';
import * as images from './images.ts';
import * as lives from './lives.ts';
import * as networks from './networks.ts';
import { contend } from './shared.ts';
import * as uses from './uses.ts';

/** The operations of users, with how often each is chosen beside the others. */
const operations: [weight: number, operation: (user: User) => Promise<unknown>][] = [
  [4, lives.create],
  [10, lives.createAndStart],
  [4, lives.runToItsEnd],
  [5, lives.start],
  [4, lives.stop],
  [4, lives.kill],
  [3, lives.restart],
  [3, lives.pause],
  [5, lives.unpause],
  [5, lives.remove],
  [2, lives.rename],
  [2, lives.update],
  [1, lives.pruneContainers],
  [6, uses.execAttached],
  [3, uses.execAndPause],
  [3, uses.execDetached],
  [2, uses.execAborted],
  [4, uses.followLogs],
  [4, uses.attach],
  [3, uses.copy],
  [4, uses.look],
  [3, networks.createNetwork],
  [2, networks.removeNetwork],
  [3, networks.connect],
  [2, networks.disconnect],
  [2, networks.createVolume],
  [2, networks.removeVolume],
  [1, networks.pruneVolumes],
  [2, images.importImage],
  [2, images.commit],
  [2, images.tag],
  [2, images.removeImage],
  [1, images.saveAndLoad],
  [1, images.pushAndPull],
  [2, images.build],
  [2, images.buildWithBuildKit],
  [1, images.pruneImages],
  [6, contend],
];

const total = operations.reduce((sum, [weight]) => sum + weight, 0);

/** One operation that the user's random numbers choose. */
export async function operate(user: User): Promise<void> {
  let at = user.random.next() * total;
  for (const [weight, operation] of operations) {
    at -= weight;
    if (at < 0) {
      await operation(user);
      return;
    }
  }
}
