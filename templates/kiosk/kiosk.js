/** The page of a screen beside a scanner: pairing, scans from the keyboard and from the stream, and what becomes of them. */
import { Away, call, Refused } from './api.js';
import { now, timestamp } from './clock.js';
import { dialogue } from './details.js';
import * as own from './identity.js';
import { listen } from './keyboard.js';
import { createModes } from './modes.js';
import { createOutbox } from './outbox.js';
import { newId, openQueue } from './queue.js';
import { renew } from './renewal.js';
import { createScreen, element, stayAwake } from './screen.js';
import { createSound } from './sound.js';
import { follow } from './stream.js';
import { createTeller } from './teller.js';
import { misread } from './verdict.js';

/** After so long without an answer a scan is said to wait, in ms. */
const soon = 1_500;
/** The same code again within this time is one scan, as on a line. In ms. */
const duplicate = 400;
/** How often the server is asked how things stand, in ms. */
const round = 15_000;

const screen = createScreen();
const sound = createSound((heard) => {
  element('sound').dataset.on = String(heard);
  element('sound-word').textContent = heard ? 'Sound on' : 'Turn sound on';
});
let identity = own.recall();
const modes = createModes({ own: () => identity?.name ?? '', beside: () => identity?.scanner ?? '' });
const teller = createTeller({ screen, sound, modes, identity: () => identity, ask });
let queue;
let outbox;
let stream;
let away = false;
let trouble;
let asking;
let last = { raw: '', at: -Infinity };

function ask(path) {
  return call('GET', path, { token: identity?.token, tenant: identity?.tenant_id });
}

function open() {
  close();
  const paired = Boolean(identity?.token);
  document.body.dataset.view = paired ? 'scans' : 'pairing';
  element('name').textContent = identity?.name ?? '';
  element('tenant').textContent = identity?.tenant_name ?? '';
  element('shut-out').hidden = paired || !identity;
  if (!paired) {
    // A screen that was shut out goes on taking scans; the field would swallow them.
    if (!identity) element('code').focus();
    line(false);
    return;
  }
  modes.rest(identity.name, { mode: identity.mode ?? 'record', rest_mode: identity.mode ?? 'record' });
  const credentials = { token: identity.token, tenant: identity.tenant_id };
  outbox = createOutbox(queue, identity, { answered, refused, away: delayed, shutOut, moved: count });
  stream = follow(credentials, { news: teller.news, line, shutOut });
  outbox.kick();
  asking = setInterval(look, round);
}

function close() {
  outbox?.stop();
  stream?.stop();
  clearInterval(asking);
  outbox = undefined;
  stream = undefined;
}

/** What waits is kept, and so is whose it is. Another window may have paired this screen again meanwhile. */
function shutOut() {
  const stored = own.recall();
  if (stored?.token && stored.token !== identity?.token) identity = stored;
  else if (identity) {
    const { token, ...rest } = identity;
    identity = rest;
    own.remember(rest);
  }
  open();
}

const mayScan = () => identity && ['admin', 'operator'].includes(identity.role);

async function scanned(raw, typed, at) {
  const again = !typed && raw === last.raw && at - last.at < duplicate;
  last = { raw, at };
  if (again) return;
  const scan = { id: newId(), raw, typed, at: timestamp(), tenant: identity.tenant_id };
  const waiting = away || !identity.token;
  if (!sound.heard()) sound.wake();
  screen.put(scan.id, { title: modes.nameOf(raw) ?? raw, at: scan.at, state: waiting ? 'waiting' : 'sending' }, true);
  if (waiting) sound.play('waiting');
  const fault = await queue.add(scan);
  if (fault) screen.put(scan.id, { detail: 'The disk of this screen takes nothing: do not close the page.' });
  count();
  outbox?.kick();
  setTimeout(() => waits(scan.id), soon);
}

function waits(id) {
  if (screen.entry(id)?.state !== 'sending') return;
  screen.put(id, { state: 'waiting' });
  sound.play('waiting');
  count();
}

function answered(scan, answer) {
  if (away) line(true);
  teller.answered(scan, answer);
}

function refused({ id, raw, at }, reason) {
  screen.put(id, { title: raw, at, state: 'rejected', text: 'Refused by the server', detail: reason });
  sound.play('rejected');
}

function delayed({ id }, error) {
  line(false, error);
  waits(id);
}

function line(connected, error) {
  const back = away && connected;
  const isChanged = connected !== (document.body.dataset.line === 'up');
  away = !connected;
  trouble = connected ? undefined : error?.message;
  document.body.dataset.line = connected ? 'up' : 'down';
  const gone = error instanceof Refused ? 'Not allowed' : 'Server away';
  element('line-word').textContent = connected ? 'Connected' : identity?.token ? gone : 'Not paired';
  if (back) hurry();
  if (isChanged) count();
  if (isChanged && connected) look();
}

function hurry() {
  outbox?.hurry();
  stream?.hurry();
}

/** How things stand at the server; undefined when it does not say. */
async function look() {
  const status = await ask('kiosk/status/').catch(() => undefined);
  if (!status || !identity?.token) return undefined;
  const beside = identity.scanner && status.devices.find(({ name }) => name === identity.scanner);
  if (beside) modes.rest(beside.name, beside);
  const missing = identity.scanner && !beside;
  const silent = beside?.state === 'waiting';
  element('scanner-pill').hidden = !missing && !silent;
  element('scanner-word').textContent = missing
    ? `${identity.scanner} was removed`
    : `${identity.scanner} cannot be read`;
  renew(status.page, isQuiet);
  return status;
}

const isQuiet = () => screen.isReady() && element('typing').hidden && !element('details').open;

async function count() {
  const { waiting, refused } = await queue.counts();
  element('waiting-count').textContent = String(waiting);
  element('waiting-pill').hidden = waiting === 0;
  element('refused-count').textContent = String(refused);
  element('refused-pill').hidden = refused === 0;
  element('kept').textContent = waiting ? `${waiting} scans wait here and will be sent.` : '';
  const isUp = document.body.dataset.line === 'up';
  modes.foresee(isUp ? [] : (await queue.waiting()).map(({ raw }) => raw));
}

async function pairUp(event) {
  event.preventDefault();
  const problem = element('problem');
  problem.textContent = '';
  try {
    identity = await call('POST', 'kiosk/pair/', { body: { code: element('code').value } });
    own.remember(identity);
    element('code').value = '';
    element('code').blur();
    screen.clear();
    modes.clear();
    open();
  } catch (error) {
    problem.textContent = error instanceof Away ? `${error.message} Try again.` : error.message;
    element('code').select();
  }
}

function garbled(text) {
  screen.put(newId(), { title: text, at: timestamp(), ...misread }, true);
  sound.play('rejected');
}

/** A browser lets a page be heard once it was touched; the button itself sees to that. */
function touched(event) {
  if (!event.target.closest('#sound') && !sound.heard()) sound.wake();
}

async function start() {
  element('pairing').addEventListener('submit', pairUp);
  element('sound').addEventListener('click', () => sound.toggle());
  document.addEventListener('pointerdown', touched);
  addEventListener('online', hurry);
  try {
    queue = await openQueue();
  } catch {
    document.body.dataset.view = 'broken';
    return;
  }
  own.watch(() => {
    identity = own.recall();
    open();
  });
  const serverLine = () => (away ? (trouble ?? 'cannot be reached') : 'connected');
  dialogue({ queue, changed: count, retry: () => outbox?.hurry(), identity: () => identity, forget, look, serverLine });
  screen.ready();
  listen({ scan: scanned, garbled, mayScan });
  await restore();
  await count();
  open();
  // Both only on a secure page: the page itself when the server is away, and the queue when the disk is short.
  navigator.serviceWorker?.register('sw.js').catch(() => {});
  navigator.storage?.persist?.();
  stayAwake();
}

/** What waited when the page was closed is in the list again, and what the last answer began goes on. */
async function restore() {
  for (const { id, raw, at } of (await queue.waiting()).slice(-20))
    screen.put(id, { title: modes.nameOf(raw) ?? raw, at, state: 'waiting' });
  const state = identity && (await queue.state(identity.tenant_id));
  const until = state && new Date(Date.parse(state.at) + (identity.mode_timeout_s ?? 120) * 1_000);
  if (until && until.getTime() > now()) modes.resume(identity, state, until.toISOString());
}

function forget() {
  own.forget();
  identity = null;
  screen.clear();
  modes.clear();
  open();
}

start();
