import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestApp, testApp } from '../support/app.ts';

describe('a body that is too large', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await testApp('sqlite');
  });
  afterAll(() => app.close());

  /** Writes a body of that many MiB as slowly as a radio does, then reads what was answered. */
  async function answerTo(headers: string[], mebibytes: number): Promise<string> {
    const { hostname, port } = new URL(app.url);
    const socket = connect(Number(port), hostname);
    socket.write(['POST /api/v1/auth/token/ HTTP/1.1', `Host: ${hostname}`, ...headers, '', ''].join('\r\n'));
    const chunked = headers.includes('Transfer-Encoding: chunked');
    const part = Buffer.alloc(1024 * 1024, ' ');
    for (let sent = 0; sent < mebibytes; sent += 1) {
      if (chunked) socket.write(`${part.length.toString(16)}\r\n`);
      socket.write(part);
      if (chunked) socket.write('\r\n');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    if (chunked) socket.write('0\r\n\r\n');
    let text = '';
    socket.on('data', (bytes) => {
      text += bytes;
    });
    await once(socket, 'close');
    return text;
  }

  it.each([
    ['whose length is told', ['Content-Length: 12582912']],
    ['that comes in chunks', ['Transfer-Encoding: chunked']],
  ])('%s is answered 413, and the client that writes it to its end can read that', async (_, headers) => {
    const answer = await answerTo(['Content-Type: application/json', ...headers], 12);
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toMatch(/connection: close/i);
    expect(answer).toMatch(/\{"detail":"The body is too large\./);
  });
});
