/** The dialogue behind "Details": whose screen this is, and the scans that the server refused. */
import { element } from './screen.js';

/** `changed()` after the queue was changed here, `retry()` to send what was put back, `forget()` to unpair. */
export function dialogue({ queue, changed, retry, identity, forget }) {
  const dialog = element('details');
  const fill = async () => {
    const rows = await queue.refused();
    const foreign = (await queue.waiting()).filter(({ tenant }) => tenant !== identity()?.tenant_id).length;
    const { name, tenant_name, role, scanner } = identity() ?? {};
    element('about').textContent = name
      ? `${name}, ${tenant_name}, role ${role}, scans of ${scanner || 'all scanners'}`
      : 'Not paired';
    element('foreign').textContent = foreign
      ? `${foreign} scans were made for another tenant. They are sent when this screen is paired with it again.`
      : '';
    element('refused-none').hidden = rows.length > 0;
    element('retry').hidden = rows.length === 0;
    element('refused').replaceChildren(...rows.map((row) => line(row)));
  };
  const line = ({ n, raw, at, reason }) => {
    const item = document.createElement('li');
    const code = document.createElement('b');
    code.textContent = raw;
    const why = document.createElement('span');
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
  const show = async () => {
    await fill();
    if (!dialog.open) dialog.showModal();
  };
  element('open-details').addEventListener('click', show);
  element('refused-pill').addEventListener('click', show);
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
