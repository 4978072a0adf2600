/** A sheet of labels for an office printer, as its maker gives it. */
import { z } from 'zod';

const mm = z.number().min(0).max(1_000);

export const sheetSchema = z.object({
  name: z.string().min(1).max(40),
  about: z.string().max(120).default(''),
  paper_width_mm: mm.positive(),
  paper_height_mm: mm.positive(),
  columns: z.int().min(1).max(50),
  rows: z.int().min(1).max(100),
  label_width_mm: mm.positive(),
  label_height_mm: mm.positive(),
  /** From one label's left edge to the next one's. */
  pitch_x_mm: mm.positive(),
  pitch_y_mm: mm.positive(),
  /** From the paper's edge to the first label. */
  margin_left_mm: mm,
  margin_top_mm: mm,
});

export type Sheet = z.output<typeof sheetSchema>;
