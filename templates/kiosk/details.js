/**
 * The dialogue behind "Details": how the server, the scanners and the printers are, and the scans that need somebody. Whoever
 * holds the button for a second gets all of it; a touch of the red pill shows the scans alone.
 */
import { element } from './screen.js';

/** In ms. A passer-by, or a glove that slips, does not open it. */
const hold = 1_000;

/** `changed()` after the queue was changed here, `retry()` to send what was put back, `forget()` to unpair, `look()` asks the server. */
export function dialogue({ queue, changed, retry, identity, forget, look, serverLine }) {
  const dialog = element('details');
  const fill = async () => {
    const rows = await queue.refused();
    const waiting = await queue.waiting();
    const foreign = waiting.filter(({ tenant }) => tenant !== identity()?.tenant_id).length;
    const { name, tenant_name, role, scanner, location } = identity() ?? {};
    facts(element('about'), [
      ['Screen', name ? `${name}, ${tenant_name}` : 'Not paired'],
      ['Role', role ?? ''],
      ['Scans of', scanner || 'all scanners'],
      ['Stands at', location || 'no place'],
      ['Server', serverLine()],
      ['Waiting here', String(waiting.length)],
    ]);
    element('foreign').textContent = foreign
      ? `${foreign} scans were made for another tenant. They are sent when this screen is paired with it again.`
      : '';
    element('refused-none').hidden = rows.length > 0;
    element('retry').hidden = rows.every(({ final }) => final);
    element('refused').replaceChildren(...rows.map((row) => line(row)));
  };
  const fillSite = async () => {
    const status = await look();
    element('site').hidden = !status;
    if (!status) return;
    const { devices, printers, dead_letters: dead, version } = status;
    const held = printers.filter(({ state }) => state === 'blocked');
    facts(element('site'), [
      ['Version', version],
      ['Dead letters', dead ? `${dead}: see assetra deadletter list` : 'none'],
      ...(printers.length > 0 ? [['Printers', `${printers.length}, blocked: ${held.length}`, held.length > 0]] : []),
      ...held.map(({ name, message }) => [name, message || 'blocked', true]),
      ...devices.map((device) => [device.name, scannerLine(device), device.state === 'waiting' || device.waiting > 0]),
    ]);
  };
  const line = ({ n, raw, at, reason }) => {
    const item = document.createElement('li');
    const code = document.createElement('b');
    code.dir = 'auto';
    code.textContent = raw;
    const why = document.createElement('span');
    why.dir = 'auto';
    why.textContent = `${new Date(at).toLocaleString()}: ${reason}`;
    const remove = document.createElement('button');
    remove.textContent = 'Remove';
    remove.addEventListener('click', async () => {
      await queue.remove(n);
      await fill();
      changed();
    });
    item.append(code, why, remove);
    return item;
  };
  const show = async (whole) => {
    dialog.dataset.whole = String(whole);
    element('site').hidden = true;
    await fill();
    if (!dialog.open) dialog.showModal();
    if (whole) await fillSite();
  };
  held(element('open-details'), () => show(true));
  element('refused-pill').addEventListener('click', () => show(false));
  element('close-details').addEventListener('click', () => dialog.close());
  element('retry').addEventListener('click', async () => {
    await queue.retry();
    dialog.close();
    changed();
    retry();
  });
  const unpair = element('unpair');
  // Gloves hit the wrong button: it asks once more by itself.
  unpair.addEventListener('click', () => {
    if (unpair.dataset.sure) {
      dialog.close();
      forget();
    } else {
      unpair.dataset.sure = 'yes';
      unpair.textContent = 'Really unpair? Press again';
    }
  });
  dialog.addEventListener('close', () => {
    delete unpair.dataset.sure;
    unpair.textContent = 'Unpair this screen';
  });
}

function scannerLine({ state, message, waiting }) {
  const words = { open: 'ready', elsewhere: 'not read by this server', opening: 'opening' };
  const queued = waiting > 0 ? `, ${waiting} scans wait on the server` : '';
  return `${words[state] ?? (message || 'cannot be read')}${queued}`;
}

function facts(list, rows) {
  list.replaceChildren(
    ...rows.flatMap(([name, value, bad]) => {
      const term = document.createElement('dt');
      term.textContent = name;
      const words = document.createElement('dd');
      words.dir = 'auto';
      words.textContent = value;
      if (bad) words.className = 'bad';
      return [term, words];
    }),
  );
}

/** Done once the button was held; a touch that is too short says so. */
function held(button, done) {
  let timer;
  const word = button.textContent;
  const begin = () => {
    button.dataset.held = 'yes';
    clearTimeout(timer);
    timer = setTimeout(() => {
      rest();
      done();
    }, hold);
  };
  const rest = () => {
    clearTimeout(timer);
    delete button.dataset.held;
    button.textContent = word;
  };
  const end = () => {
    if (!button.dataset.held) return;
    rest();
    button.textContent = 'Hold it longer';
    timer = setTimeout(rest, 2_000);
  };
  button.addEventListener('pointerdown', begin);
  for (const name of ['pointerup', 'pointercancel', 'pointerleave']) button.addEventListener(name, end);
  button.addEventListener('contextmenu', (event) => event.preventDefault());
}
