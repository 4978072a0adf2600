#!/bin/bash
# Runs in the virtual machine, in the host's own file system mounted read-only: modules, udev, gadgets, then the checks.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin SYSTEMD_IGNORE_CHROOT=1
modules=$1 busybox=$2 node=$3 script=$4
cd "$modules" || exit 1
load() {
  for name in "$@"; do
    file=$(grep -m1 -E "/${name//[-_]/[-_]}\.ko:" modules.dep | cut -d: -f1)
    # What is built in is not there as a file.
    [ -n "$file" ] && { "$busybox" insmod "$file" || echo "not loaded: $name"; }
  done
}
load usb-common usbcore hid hid-generic usbhid uhid evdev configfs udc-core libcomposite dummy_hcd u_serial usb_f_acm usb_f_hid cdc-acm
echo 'modules are loaded'
mount -t configfs none /sys/kernel/config
/lib/systemd/systemd-udevd --daemon
udevadm trigger --type=subsystems --subsystem-match=usb --subsystem-match=tty --subsystem-match=hidraw
udevadm settle --timeout=20
echo 'udev is up'
exec "$node" "$script"
