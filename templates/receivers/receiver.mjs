// A receiver of Assetra's webhooks, whole and without packages.   SECRET=… PORT=9000 node receiver.mjs
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

const { SECRET, PORT = '9000', HOST = '127.0.0.1' } = process.env;
if (!SECRET) throw new Error("Set SECRET to the endpoint's secret.");

/** Seconds: an older message is one that somebody sends again. */
const tolerance = 300;
/** While a secret is rotated, another header has the signature of the other one. */
const signatureHeaders = ['x-assetra-signature', 'x-assetra-signature-next', 'x-assetra-signature-previous'];

/** `body` is what came over the wire, byte by byte: parsed and printed again it may differ. */
function isGenuine(headers, body) {
  const timestamp = headers['x-assetra-timestamp'] ?? '';
  if (!/^\d+$/.test(timestamp) || Math.abs(Date.now() / 1000 - Number(timestamp)) > tolerance) return false;
  const right = Buffer.from(
    `sha256=${createHmac('sha256', SECRET).update(`${timestamp}.`).update(body).digest('hex')}`,
  );
  return signatureHeaders.some((name) => {
    const sent = Buffer.from(headers[name] ?? '');
    return sent.length === right.length && timingSafeEqual(sent, right);
  });
}

/** Messages may come twice. Keep these ids with your data, in the same transaction; a set in memory forgets. */
const seen = new Set();

function take(event) {
  console.log(`${event.event} ${event.sequence} ${JSON.stringify(event.data)}`);
}

createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const body = Buffer.concat(parts);
  if (!isGenuine(request.headers, body)) return response.writeHead(401).end();
  const id = request.headers['webhook-id'];
  if (!seen.has(id)) {
    take(JSON.parse(body));
    seen.add(id);
  }
  // Within ten seconds; what takes longer is done after the answer.
  response.writeHead(204).end();
}).listen(Number(PORT), HOST, function () {
  console.log(`listening on ${this.address().port}`);
});
