/** Who holds an asset and where it is: check-out, check-in, move. Each is one history record. */
import { z } from 'zod';
import { Conflict } from '../../base/errors.ts';
import { type Context, type TenantContext, timestamp } from '../../db/context.ts';
import { degrees, optionalInstant, optionalText, reference } from '../../resource/fields.ts';
import { parse } from '../../resource/parse.ts';
import { checkReferences } from '../../resource/references.ts';
import { guarded } from '../../resource/serve.ts';
import { checkUsable, forChange, write } from './lifecycle.ts';
import { type AssetRow, assets } from './resource.ts';

const circumstances = { note: optionalText(500), gps_latitude: degrees(90), gps_longitude: degrees(180) };

export const CheckOut = z.object({
  assigned_to: reference(),
  current_location: reference().optional(),
  expected_return_at: optionalInstant(),
  ...circumstances,
});
export const CheckIn = z.object({ current_location: reference().optional(), ...circumstances });
export const Move = z.object({ current_location: reference(), ...circumstances });

/** Hands the asset to a member. Conflict when someone has it already. */
export const checkOut = (ctx: Context, id: number, body: unknown): Promise<AssetRow> =>
  change(ctx, id, body, CheckOut, (inside, asset, input) => {
    checkUsable(asset, 'checked out');
    if (asset.checked_out_at) throw new Conflict('This asset is already checked out. Check it in first.');
    const { assigned_to, expected_return_at } = input;
    const changes = { assigned_to, expected_return_at, checked_out_at: timestamp(inside), ...placed(input) };
    return write(inside, asset, changes, { event_type: 'assign', ...input });
  });

/** Takes the asset back. Conflict when nobody has it. */
export const checkIn = (ctx: Context, id: number, body: unknown): Promise<AssetRow> =>
  change(ctx, id, body, CheckIn, (inside, asset, input) => {
    if (!asset.checked_out_at && asset.assigned_to === null) throw new Conflict('This asset is not checked out.');
    const changes = { assigned_to: null, checked_out_at: null, expected_return_at: null, ...placed(input) };
    return write(inside, asset, changes, { event_type: 'assign', ...input });
  });

/** Puts the asset at a location. To where it already is, it still leaves a record: someone saw it there. */
export const move = (ctx: Context, id: number, body: unknown): Promise<AssetRow> =>
  change(ctx, id, body, Move, (inside, asset, input) =>
    write(inside, asset, placed(input), { event_type: 'move', always: true, ...input }),
  );

const placed = ({ current_location }: { current_location?: number | undefined }) =>
  current_location === undefined ? {} : { current_location };

function change<S extends z.ZodType>(
  ctx: Context,
  id: number,
  body: unknown,
  schema: S,
  work: (ctx: TenantContext, asset: AssetRow, input: z.output<S>) => Promise<AssetRow>,
): Promise<AssetRow> {
  return guarded(ctx, 'assets', 'change', async (inside) => {
    const asset = await forChange(inside, id);
    const input = parse(schema, body ?? {});
    await checkReferences(inside, assets, input as Record<string, unknown>);
    return work(inside, asset, input);
  });
}
