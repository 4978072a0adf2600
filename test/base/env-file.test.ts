import { parseEnv } from 'node:util';
import { describe, expect, it } from 'vitest';
import { settingLine, withSetting } from '../../src/base/env-file.ts';

describe('a setting that is written', () => {
  it.each(['8123', 'postgres://a:b@c/d', 'two words # no remark', "it's", 'say "hi"', ''])(
    '%j is read as it was',
    (value) => {
      expect(parseEnv(settingLine('DB_NAME', value))).toEqual({ DB_NAME: value });
    },
  );

  it('takes the place of the one that was there, and of no other', () => {
    const text = '# head\nDATABASE_URL=sqlite:a.db\nASSETRA_PORT=1\n  export DATABASE_URL = b\n#DATABASE_URL=c\n';
    const written = '# head\nASSETRA_PORT=1\n#DATABASE_URL=c\nDATABASE_URL=mysql://db/plant\n';
    expect(withSetting(text, 'DATABASE_URL', 'mysql://db/plant')).toBe(written);
    expect(withSetting('', 'DATABASE_URL', 'sqlite:b.db')).toBe('DATABASE_URL=sqlite:b.db\n');
  });
});
