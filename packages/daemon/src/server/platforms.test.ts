import { parsePlatformJson, platformOf } from './platforms.ts';

test('a platform comes as JSON or in short', () => {
  expect(platformOf(undefined)).toEqual({});
  expect(platformOf('')).toEqual({});
  expect(platformOf('linux/arm64')).toEqual({ platform: 'linux/arm64' });
  expect(platformOf('{"os":"linux","architecture":"arm","variant":"v7"}')).toEqual({
    platform: 'linux/arm/v7',
  });
});

test('a malformed one is refused with the words that clients know', () => {
  expect(() => parsePlatformJson('nonsense')).toThrow(
    "failed to parse platform: invalid character 'o' in literal null (expecting 'u')",
  );
  expect(() => parsePlatformJson('{"os":"linux"}')).toThrow('both OS and Architecture must be provided');
  expect(() => parsePlatformJson('{"variant":"v7"}')).toThrow(
    'optional platform fields provided, but OS and Architecture are missing',
  );
  expect(() => parsePlatformJson('{"os":1}')).toThrow('cannot unmarshal');
});
