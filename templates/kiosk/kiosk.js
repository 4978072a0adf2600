/** The page of a screen beside a scanner: pairing, scans from the keyboard and from the stream, and what becomes of them. */
import { Away, call } from './api.js';
import { dialogue } from './details.js';
import { createOutbox } from './outbox.js';
import { newId, openQueue } from './queue.js';
import { createScreen, element } from './screen.js';
import { createSound } from './sound.js';
import { follow } from './stream.js';
import { createWedge } from './wedge.js';

const place = 'assetra-kiosk';
/** After so long without an answer a scan is said to wait, in ms. */
const soon = 1_500;
/** A scan that was captured so long before it was recorded is news of the past, in ms. */
const old = 60_000;

const screen = createScreen();
const sound = createSound((heard) => {
  element('sound').dataset.on = String(heard);
  element('sound-word').textContent = heard ? 'Sound on' : 'Turn sound on';
});
const assets = new Map();
const locations = new Map();
let identity = JSON.parse(localStorage.getItem(place) ?? 'null');
let queue;
let outbox;
let stream;
let away = false;

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
  const credentials = { token: identity.token, tenant: identity.tenant_id };
  outbox = createOutbox(queue, identity, { answered, refused, away: delayed, shutOut, moved: count });
  stream = follow(credentials, { news, line, shutOut });
  outbox.kick();
}

function close() {
  outbox?.stop();
  stream?.stop();
  outbox = undefined;
  stream = undefined;
}

function remember(changes) {
  identity = changes;
  localStorage.setItem(place, JSON.stringify(changes));
}

/** What waits is kept, and so is whose it is. */
function shutOut() {
  const { token, ...rest } = identity;
  remember(rest);
  open();
}

const mayScan = () => identity && ['admin', 'operator'].includes(identity.role);

async function scanned(raw, typed) {
  const scan = { id: newId(), raw, typed, at: new Date().toISOString(), tenant: identity.tenant_id };
  if (!sound.heard()) sound.wake();
  screen.put(scan.id, { title: raw, at: scan.at, state: away || !identity.token ? 'waiting' : 'sending' }, true);
  if (away || !identity.token) sound.play('waiting');
  try {
    await queue.add(scan);
  } catch (error) {
    screen.put(scan.id, { state: 'rejected', text: `This browser could not keep it: ${error.message}`, detail: '' });
    sound.play('rejected');
    return;
  }
  count();
  outbox?.kick();
  setTimeout(() => waits(scan.id), soon);
}

function waits(id) {
  if (screen.entry(id)?.state !== 'sending') return;
  screen.put(id, { state: 'waiting' });
  sound.play('waiting');
}

function answered(scan, event) {
  if (away) line(true);
  settle(event, scan.at, true);
}

function refused({ id, raw, at }, reason) {
  screen.put(id, { title: raw, at, state: 'rejected', text: 'Refused by the server', detail: reason });
  sound.play('rejected');
}

function delayed({ id }) {
  line(false);
  waits(id);
}

/** What the server made of a scan; told once, by the answer or by the stream, whichever is first. */
function settle(event, at, loud) {
  const id = event.client_event_id;
  const state = event.status === 'rejected' ? 'rejected' : event.asset === null ? 'unknown' : 'known';
  const known = screen.entry(id);
  if (known?.state === state) return;
  const detail = state === 'rejected' ? event.validation_errors.join(' ') : '';
  const asset = state === 'known' ? assets.get(event.asset) : undefined;
  screen.put(id, { at, state, detail, title: event.raw_value, ...(asset && described(asset)) }, loud);
  if (loud) sound.play(state);
  if (state === 'known') name(id, event.asset);
}

/** Fills in what the asset is called and where it is, as soon as that is known. */
async function name(id, assetId) {
  const look = (path) => call('GET', path, { token: identity.token, tenant: identity.tenant_id });
  try {
    const asset = assets.get(assetId) ?? (await look(`assets/${assetId}/`));
    assets.set(assetId, asset);
    if (screen.entry(id)) screen.put(id, described(asset));
    if (asset.current_location === null || locations.has(asset.current_location)) return;
    locations.set(asset.current_location, (await look(`locations/${asset.current_location}/`)).name);
    if (screen.entry(id)) screen.put(id, described(asset));
  } catch {
    // The code stands there already, and that it is known.
  }
}

function described(asset) {
  const detail = [asset.status.replaceAll('_', ' '), locations.get(asset.current_location)].filter(Boolean).join(' · ');
  return { title: asset.asset_tag, text: asset.name, detail };
}

function news(data, whole) {
  if (whole) {
    assets.clear();
    locations.clear();
  }
  for (const asset of data.assets) assets.set(asset.id, asset);
  for (const id of data.deleted_assets ?? []) assets.delete(id);
  const events = data.scan_events.filter(isOurs).sort((one, two) => one.id - two.id);
  for (const event of whole ? events.slice(-12) : events) settle(event, event.created_at, !whole && isNew(event));
}

const isOurs = ({ scanner_label }) =>
  !identity.scanner || [`device:${identity.scanner}`, `token:${identity.name}`].includes(scanner_label);

const isNew = ({ created_at, offline_captured_at: captured }) =>
  captured === null || Date.parse(created_at) - Date.parse(captured) < old;

function line(connected) {
  const back = away && connected;
  away = !connected;
  document.body.dataset.line = connected ? 'up' : 'down';
  element('line-word').textContent = connected ? 'Connected' : identity?.token ? 'Server away' : 'Not paired';
  if (back) hurry();
}

function hurry() {
  outbox?.hurry();
  stream?.hurry();
}

async function count() {
  const { waiting, refused } = await queue.counts();
  element('waiting-count').textContent = String(waiting);
  element('waiting-pill').hidden = waiting === 0;
  element('refused-count').textContent = String(refused);
  element('refused-pill').hidden = refused === 0;
  element('kept').textContent = waiting ? `${waiting} scans wait here and will be sent.` : '';
}

async function pairUp(event) {
  event.preventDefault();
  const problem = element('problem');
  problem.textContent = '';
  try {
    remember(await call('POST', 'kiosk/pair/', { body: { code: element('code').value } }));
    element('code').value = '';
    element('code').blur();
    screen.clear();
    open();
  } catch (error) {
    problem.textContent = error instanceof Away ? `${error.message} Try again.` : error.message;
    element('code').select();
  }
}

function typing(text) {
  element('typing').textContent = text;
  element('typing').hidden = text === '';
}

function garbled(text) {
  screen.put(
    newId(),
    {
      title: text,
      at: new Date().toISOString(),
      state: 'rejected',
      text: 'Scanner and keyboard layout do not fit',
      detail: "Nothing was recorded. Set the scanner to this computer's layout, and scan again.",
    },
    true,
  );
  sound.play('rejected');
}

const wedge = createWedge({ scan: scanned, garbled, typing });

/** In the capture phase and wherever the focus is, save in the field for the code. */
function pressed(event) {
  element('caps').hidden = !event.getModifierState?.('CapsLock');
  if (!mayScan() || event.target === element('code')) return;
  if (!wedge.key(event)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (element('details').open) element('details').close();
}

/** A browser lets a page be heard once it was touched; the button itself sees to that. */
function touched(event) {
  if (!event.target.closest('#sound') && !sound.heard()) sound.wake();
}

async function start() {
  element('pairing').addEventListener('submit', pairUp);
  element('sound').addEventListener('click', () => sound.toggle());
  document.addEventListener('keydown', pressed, { capture: true });
  document.addEventListener('pointerdown', touched);
  addEventListener('online', hurry);
  try {
    queue = await openQueue();
  } catch {
    document.body.dataset.view = 'broken';
    return;
  }
  dialogue({ queue, changed: count, retry: () => outbox?.hurry(), identity: () => identity, forget });
  screen.ready();
  await restore();
  await count();
  open();
  // Both only on a secure page: the page itself when the server is away, and the queue when the disk is short.
  navigator.serviceWorker?.register('sw.js').catch(() => {});
  navigator.storage?.persist?.();
  stayAwake();
}

/** What waited when the page was closed is in the list again. */
async function restore() {
  for (const { id, raw, at } of (await queue.waiting()).slice(-20))
    screen.put(id, { title: raw, at, state: 'waiting' });
}

function forget() {
  localStorage.removeItem(place);
  identity = null;
  screen.clear();
  open();
}

function stayAwake() {
  const ask = () => document.visibilityState === 'visible' && navigator.wakeLock?.request('screen').catch(() => {});
  document.addEventListener('visibilitychange', ask);
  ask();
}

start();
