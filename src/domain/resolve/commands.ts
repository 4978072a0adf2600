/** Codes that tell a kiosk what to do. Printed on a card beside it; upper case and colon, so Code 128 and QR hold them. */
export const commands = {
  'CMD:RECORD': 'record',
  'CMD:CHECK-OUT': 'check_out',
  'CMD:CHECK-IN': 'check_in',
  'CMD:MOVE-HERE': 'move_here',
  'CMD:STOCK-TAKE': 'stock_take',
  'CMD:DONE': 'done',
  'CMD:CANCEL': 'cancel',
} as const;

export type Command = (typeof commands)[keyof typeof commands];

export const commandOf = (text: string): Command | undefined =>
  Object.hasOwn(commands, text) ? commands[text as keyof typeof commands] : undefined;
