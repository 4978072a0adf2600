/**
 * The drivers against real kernel devices, in a virtual machine: uhid, a USB gadget (CDC-ACM and keyboard), udev.
 *   mkdir hw; cd hw; apt-get install --no-install-recommends qemu-system-x86 seabios udev
 *   apt-get download linux-image-6.1.0-56-amd64 busybox-static libusb-1.0-0; for f in *.deb; do dpkg-deb -x $f .; done
 *   $(ls bin/busybox usr/bin/busybox 2>/dev/null) depmod -b $PWD $(ls lib/modules)
 *   ASSETRA_HW=$PWD npm run test:hw
 * Skips by name where one of them is missing.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const here = import.meta.dirname;
/** Emulated machines are slow; no run has needed half of it. In s. */
const patience = 240;
const initModules = [
  ...['virtio_ring', 'virtio', 'virtio_pci_legacy_dev', 'virtio_pci_modern_dev', 'virtio_pci'],
  ...['9pnet', '9pnet_virtio', 'netfs', 'fscache', '9p'],
];

const folder = process.env.ASSETRA_HW && resolve(process.env.ASSETRA_HW);
const skip = (why) => {
  console.log(`SKIPPED test:hw: ${why}`);
  process.exit(0);
};
if (!folder) skip('ASSETRA_HW names no folder with a kernel; see test/hw/run.mjs');
if (!existsSync('/lib/systemd/systemd-udevd')) skip('udev is missing');
if (spawnSync('qemu-system-x86_64', ['--version']).error) skip('qemu-system-x86_64 is missing');
const boot = join(folder, 'boot');
const kernel = existsSync(boot) && readdirSync(boot).find((name) => name.startsWith('vmlinuz-'));
if (!kernel) skip(`no kernel in ${boot}`);
const version = kernel.slice('vmlinuz-'.length);
const modules = join(folder, 'lib/modules', version);
const busybox = ['bin/busybox', 'usr/bin/busybox'].map((path) => join(folder, path)).find(existsSync);
if (!busybox) skip(`no busybox in ${folder}`);

const work = mkdtempSync(join(tmpdir(), 'assetra-hw-'));
const root = join(work, 'root');
for (const name of ['bin', 'modules', 'newroot']) mkdirSync(join(root, name), { recursive: true });
execFileSync('cp', [busybox, join(root, 'bin/busybox')]);
for (const name of initModules) {
  const found = execFileSync('find', [modules, '-name', `${name.replaceAll('_', '[-_]')}.ko`], {
    encoding: 'utf8',
  }).trim();
  execFileSync('cp', [found.split('\n')[0], join(root, 'modules', `${name}.ko`)]);
}
const guest = [
  '/bin/bash',
  join(here, 'guest.sh'),
  modules,
  busybox,
  process.execPath,
  join(here, 'scanners.mjs'),
].join(' ');
const libraries = join(folder, 'usr/lib/x86_64-linux-gnu');
writeFileSync(
  join(root, 'init'),
  `#!/bin/busybox sh
busybox mkdir -p /proc; busybox mount -t proc none /proc
for m in ${initModules.join(' ')}; do busybox insmod /modules/$m.ko; done
busybox mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=262144 hostroot /newroot || echo "no root"
busybox mount -t proc none /newroot/proc; busybox mount -t sysfs none /newroot/sys; busybox mount -t devtmpfs none /newroot/dev
busybox mkdir -p /newroot/dev/pts; busybox mount -t devpts none /newroot/dev/pts
busybox mount -t tmpfs none /newroot/run
LD_LIBRARY_PATH=${libraries} busybox chroot /newroot ${guest}
echo "GUEST EXIT $?"
busybox poweroff -f
`,
  { mode: 0o755 },
);
execFileSync('sh', [
  '-c',
  `cd ${root} && find . | ${busybox} cpio -o -H newc 2>/dev/null | gzip -1 > ${work}/initrd.gz`,
]);
const log = join(work, 'console');
spawnSync(
  'timeout',
  [
    ...['-k', '5', String(patience), 'qemu-system-x86_64', '-accel', 'tcg', '-m', '1024', '-smp', '1', '-nographic'],
    ...['-no-reboot', '-nodefaults', '-serial', `file:${log}`, '-monitor', 'none', '-kernel', join(boot, kernel)],
    ...['-initrd', join(work, 'initrd.gz'), '-append', 'console=ttyS0 quiet panic=-1 rdinit=/init'],
    ...['-fsdev', 'local,id=fs0,path=/,security_model=none,readonly=on,multidevs=remap'],
    ...['-device', 'virtio-9p-pci,fsdev=fs0,mount_tag=hostroot'],
  ],
  { stdio: 'inherit' },
);
const said = readFileSync(log, 'utf8');
rmSync(work, { recursive: true, force: true });
console.log(said);
process.exit(/GUEST EXIT 0/.test(said) ? 0 : 1);
