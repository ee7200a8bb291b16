import { fuzzApi } from '../faults/fuzz-api.ts';

test('no request that is wrong somewhere breaks a rule of the API', async () => {
  for (const seed of ['1', String(Date.now())]) {
    const { findings } = await fuzzApi({ seed, ms: 6000 });
    // The seed sends the requests again: node e2e/faults/fuzz-api.ts --seed SEED
    expect({ seed, findings }).toEqual({ seed, findings: [] });
  }
});
