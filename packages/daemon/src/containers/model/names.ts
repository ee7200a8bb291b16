import { randomInt } from 'node:crypto';
import { invalidParameter } from '../../base/errors.ts';

const VALID = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/** Checks a name that a user gave, without its slash. @throws invalid-parameter with dockerd's text. */
export function checkName(name: string, shown = name): void {
  if (!VALID.test(name))
    throw invalidParameter(`Invalid container name (${shown}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`);
}

// Things of a harbour, with what may be said of them.
const ADJECTIVES = (
  'agile amber ample azure balmy bold brave breezy bright brisk buoyant calm candid cheerful clear clever cobalt coral ' +
  'cosy crisp curious daring dapper deft eager early earnest easy even fair faithful fearless fine fleet fond frank ' +
  'fresh gallant gentle genial glad gleaming golden graceful grand handy hardy hearty honest humble jolly jovial keen ' +
  'kind lively loyal lucid lucky mellow merry mild modest neat nimble noble open patient placid plain plucky polite ' +
  'proud prudent quick quiet ready restful robust rosy rugged sandy scarlet serene sharp silent silver sincere sleek ' +
  'smooth snug solid sound spirited spry stately steady stout sturdy sunny swift tidy tidal tranquil trim true trusty ' +
  'upright vivid warm watchful wise witty worthy zesty'
).split(' ');
const SURNAMES = (
  'adler ampere anning archimedes babbage bell benz bernoulli bessel blackwell bohr boole borlaug bose brahe braille ' +
  'cantor carson cassini celsius chandrasekhar cook copernicus curie cuvier darwin davy descartes dijkstra drake edison ' +
  'einstein erdos euclid euler faraday fermat fermi feynman fibonacci franklin galileo galvani gauss germain gilbert ' +
  'goodall haber halley hamilton harrison harvey heisenberg herschel hertz hilbert hooke hopper hubble humboldt huygens ' +
  'hypatia jenner joule kelvin kepler kirchhoff koch lagrange lamarr laplace lavoisier leibniz linnaeus lovelace lyell ' +
  'magellan maxwell mayer mendel mercator mitchell moore napier nansen newton nobel noether ohm pascal pasteur pauli ' +
  'planck poincare priestley ptolemy ramanujan riemann ritchie rutherford sagan shannon somerville stokes tesla thales ' +
  'thompson torricelli turing volta wallace watt wegener wiener wilkes wright wu yonath zuse'
).split(' ');

/** A name for a container that was given none; `taken` tells which are in use. */
export function generateName(taken: (name: string) => boolean): string {
  for (let round = 0; ; round += 1) {
    const name = `${ADJECTIVES[randomInt(ADJECTIVES.length)]}_${SURNAMES[randomInt(SURNAMES.length)]}`;
    const numbered = round < 6 ? name : `${name}${randomInt(10 ** Math.min(round - 5, 9))}`;
    if (!taken(numbered)) return numbered;
  }
}
