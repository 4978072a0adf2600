/** Loaded into a daemon before anything else: its Date is the real one plus the offset in a file. */
import { readFileSync } from 'node:fs';

const file = process.env.TEST_CLOCK_FILE;
/** How old the offset may be, in ms. */
const fresh = 20;
const RealDate = Date;
const realNow = Date.now.bind(Date);
let offset = 0;
let read = Number.NEGATIVE_INFINITY;

function now() {
  const at = performance.now();
  if (at - read >= fresh) {
    offset = Number(readFileSync(file, 'utf8'));
    read = at;
  }
  return realNow() + offset;
}

RealDate.now = now;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) => Reflect.construct(target, args.length > 0 ? args : [now()], newTarget),
  apply: () => new RealDate(now()).toString(),
});
RealDate.prototype.constructor = globalThis.Date;
