/** What is seen: the last scan large, those before it in a list, and how things stand in the bar above. */

/** A scan leaves the middle of the screen after so long, in ms. */
const timeout = 10_000;
const listed = 40;
const words = {
  known: '',
  unknown: 'Unknown code',
  rejected: 'Rejected',
  turn: '',
  waiting: 'Not sent yet. It is kept here.',
  sending: '',
};

export const element = (id) => document.getElementById(id);

export function createScreen() {
  const entries = new Map();
  const rows = new Map();
  let shown;
  let timer;

  const show = (entry) => {
    shown = entry;
    paint(entry);
    clearTimeout(timer);
    timer = setTimeout(ready, timeout);
  };
  const ready = () => {
    shown = undefined;
    paint({ state: 'ready', title: 'Ready', text: '', detail: '' });
  };
  return {
    ready,
    /** Whether nothing is in the middle. */
    isReady: () => shown === undefined,
    entry: (id) => entries.get(id),
    /** Adds or changes the scan of that id; `loud` brings a new one to the middle. Answers it. */
    put: (id, changes, loud) => {
      const known = entries.get(id);
      const entry = Object.assign(known ?? { id, state: 'sending', title: '', text: '', detail: '' }, changes);
      if (!known) {
        entries.set(id, entry);
        const row = document.createElement('li');
        rows.set(id, row);
        element('scans').prepend(row);
        forget();
      }
      paintRow(rows.get(id), entry);
      if (loud && !known) show(entry);
      else if (shown === entry) show(entry);
      return entry;
    },
    clear: () => {
      entries.clear();
      rows.clear();
      element('scans').replaceChildren();
      ready();
    },
  };

  function forget() {
    for (const [id, row] of rows) {
      if (rows.size <= listed) return;
      row.remove();
      rows.delete(id);
      entries.delete(id);
    }
  }
}

/** Asks that the screen is not switched off, and again whenever it is seen; only a secure page may. */
export function stayAwake() {
  const again = () => document.visibilityState === 'visible' && navigator.wakeLock?.request('screen').catch(() => {});
  document.addEventListener('visibilitychange', again);
  again();
}

function paint({ state, title, text, detail }) {
  const panel = element('last');
  const shown = visible(title);
  panel.dataset.state = state;
  // A new scan that looks like the one before it must still be seen to come.
  panel.classList.remove('new');
  void panel.offsetWidth;
  panel.classList.add('new');
  const heading = element('title');
  heading.textContent = shown;
  heading.style.setProperty('--chars', String(Math.min(Math.max(shown.length, 5), 24)));
  element('text').textContent = visible(text || words[state] || '');
  element('detail').textContent = visible(detail);
}

function paintRow(row, { state, title, text, at }) {
  row.dataset.state = state;
  const icon = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  use.setAttribute('href', `#${state === 'sending' ? 'waiting' : state}`);
  icon.append(use);
  const code = document.createElement('b');
  code.dir = 'auto';
  code.textContent = visible(title);
  const more = document.createElement('span');
  more.dir = 'auto';
  more.textContent = visible(text || words[state] || '');
  const time = document.createElement('time');
  time.textContent = new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hour12: false });
  row.replaceChildren(icon, code, time, more);
}

/** Control characters as their pictures: a GS in a code is part of it. What turns the text around or cannot be seen is a box. */
const visible = (text) =>
  [...text]
    .map((char) => (char < ' ' ? String.fromCodePoint(0x2400 + char.codePointAt(0)) : hidden.test(char) ? '▯' : char))
    .join('');
/** Not the joiners U+200C and U+200D: names in Persian and Hindi are written with them. */
const hidden = /[\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/;
