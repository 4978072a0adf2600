import { describe, expect, it } from 'vitest';
import { AddressPolicy, isAddressRule, isForbidden } from '../../src/base/address-policy.ts';

/** As a URL has it: the WHATWG parser writes decimal, octal, hex and short forms the one usual way. */
const literal = (url: string): string => new URL(url).hostname.replace(/^\[|\]$/g, '');

describe('addresses that are never sent to', () => {
  it.each([
    'http://169.254.169.254/',
    'http://169.254.169.254./',
    'http://2852039166/',
    'http://0xa9fea9fe/',
    'http://0251.0376.0251.0376/',
    'http://169.254.43518/',
    'http://0/',
    'http://[::]/',
    'http://[::ffff:169.254.169.254]/',
    'http://[::ffff:a9fe:a9fe]/',
    'http://[::169.254.169.254]/',
    'http://[64:ff9b::a9fe:a9fe]/',
    'http://[64:ff9b:1::a9fe:a9fe]/',
    'http://[2002:a9fe:a9fe::1]/',
    'http://[2001:0:1::5601:5601]/',
    'http://[2001:db8::5efe:a9fe:a9fe]/',
    'http://[fe80::1]/',
    'http://[fd00:ec2::254]/',
    'http://[fd20:ce::254]/',
    'http://[ff02::1]/',
    'http://100.100.100.200/',
    'http://168.63.129.16/',
    'http://192.0.0.192/',
    'http://224.0.0.1/',
    'http://255.255.255.255/',
  ])('%s, whatever the list says', (url) => {
    const address = literal(url);
    expect(isForbidden(address)).toBe(true);
    for (const rules of [['*'], ['external', 'private', 'loopback'], [address.includes('.') ? '0.0.0.0/0' : '::/0']])
      expect(new AddressPolicy(rules).allows(address, address)).toBe(false);
  });

  it('a zone does not hide a link-local address', () => expect(isForbidden('fe80::1%eth0')).toBe(true));

  it('a host that is listed by name may not lead to them', () => {
    const policy = new AddressPolicy(['metadata.example', '*.example']);
    expect(policy.allows('metadata.example', '169.254.169.254')).toBe(false);
    expect(policy.allows('metadata.example', '127.0.0.1')).toBe(true);
  });
});

describe('the list of allowed hosts', () => {
  const allowed = (rules: string, host: string, address = host) =>
    new AddressPolicy(rules.split(',')).allows(host, address);

  it('takes the public and private networks by default, and not the machine itself', () => {
    const usual = 'external,private';
    for (const address of [
      '10.1.2.3',
      '172.31.0.1',
      '192.168.1.9',
      '100.64.0.7',
      'fd12::1',
      '93.184.216.34',
      '2606:2800::1',
    ])
      expect([address, allowed(usual, address)]).toEqual([address, true]);
    for (const address of ['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1', '64:ff9b::7f00:1', '2002:7f00:1::'])
      expect([address, allowed(usual, address)]).toEqual([address, false]);
  });

  it('judges an address by what it leads to', () => {
    expect(allowed('external', '::ffff:10.0.0.1')).toBe(false);
    expect(allowed('external', '64:ff9b::a00:1')).toBe(false);
    expect(allowed('private', '::ffff:8.8.8.8')).toBe(false);
    expect(allowed('loopback', '::1')).toBe(true);
  });

  it('knows blocks, addresses, hosts and domains', () => {
    expect(allowed('10.1.0.0/16', '10.1.9.9')).toBe(true);
    expect(allowed('10.1.0.0/16', '10.2.0.1')).toBe(false);
    expect(allowed('10.1.0.0/16', '::ffff:10.1.0.1')).toBe(true);
    expect(allowed('fd00:1::/32', 'fd00:1::9')).toBe(true);
    expect(allowed('127.0.0.1', '127.0.0.1')).toBe(true);
    expect(allowed('hooks.example', 'HOOKS.example.', '127.0.0.1')).toBe(true);
    expect(allowed('*.example', 'a.b.example', '10.0.0.1')).toBe(true);
    expect(allowed('*.example', 'example', '10.0.0.1')).toBe(false);
    expect(allowed('*.example', 'badexample', '10.0.0.1')).toBe(false);
  });

  it('refuses what means nothing', () => {
    for (const item of [
      'external',
      'PRIVATE',
      'loopback',
      '*',
      '10.0.0.0/8',
      '::1',
      'fd00::/8',
      'a.example',
      '*.example',
      'sink',
    ])
      expect([item, isAddressRule(item)]).toEqual([item, true]);
    for (const item of ['10.0.0.0/33', '10.0.0/8', 'fd00::/129', 'http://a.example', 'a.*.example', '-', 'a b', '::x'])
      expect([item, isAddressRule(item)]).toEqual([item, false]);
  });
});
