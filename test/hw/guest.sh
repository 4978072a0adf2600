#!/bin/bash
# Runs in the virtual machine, in the host's own file system mounted read-only: modules, udev, gadgets, then the checks.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
modules=$1 busybox=$2 node=$3 script=$4
cd "$modules" || exit 1
load() {
  for name in "$@"; do
    file=$(find kernel -name "${name//[-_]/[-_]}.ko*" | head -1)
    # What is built in is not there as a file.
    [ -n "$file" ] && { "$busybox" insmod "$file" || echo "not loaded: $name"; }
  done
}
load usb-common usbcore hid hid-generic usbhid uhid evdev configfs udc-core libcomposite dummy_hcd u_serial usb_f_acm usb_f_hid cdc-acm
mount -t configfs none /sys/kernel/config
SYSTEMD_IGNORE_CHROOT=1 /lib/systemd/systemd-udevd --daemon
udevadm trigger; udevadm settle
exec "$node" "$script"
