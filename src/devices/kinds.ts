/** Words for scanners, apart from what works with them: help and completion load no more than this. */

/** The kinds that a daemon reads. */
export const deviceKinds = ['serial', 'hid', 'wedge', 'tcp'] as const;
export type DeviceKind = (typeof deviceKinds)[number];

/** What scans do. */
export const modes = ['record', 'check_out', 'check_in', 'move_here', 'stock_take'] as const;
export type Mode = (typeof modes)[number];
