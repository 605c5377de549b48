/** The materials of a job, one a slot of the printer, as the API passes them on from the slicer. */
import { coloursOf, type Colour } from './colour'

export interface Tool {
  /** From 0; `T0` is 0. */
  index: number
  /** Whether the print extrudes with it. `null`: the file does not say. */
  used: boolean | null
  material: string | null
  /** Name of the filament profile, else its maker. */
  name: string | null
  colour: Colour | null
  /** Planned, in mm. */
  usedMm: number | null
  /** Planned, in g. */
  usedG: number | null
  /** Of the planned amount, in the slicer's currency. */
  cost: number | null
  /** In °C, after the first layer. */
  nozzleTemp: number | null
}

/** Tools that the print uses, or may use; files are hostile, so nothing is taken for granted. */
export function toolsOf(list: unknown): Tool[] {
  if (!Array.isArray(list)) return []
  const tools = list.slice(0, 64).flatMap((value: unknown, position): Tool[] => {
    if (value === null || typeof value !== 'object') return []
    const fields = value as Record<string, unknown>
    const text = (name: string) => (typeof fields[name] === 'string' && fields[name] !== '' ? fields[name] : null)
    const number = (name: string) => (typeof fields[name] === 'number' ? fields[name] : null)
    return [
      {
        index: number('index') ?? position,
        used: typeof fields.used === 'boolean' ? fields.used : null,
        material: text('filament_type'),
        name: text('filament_name') ?? text('filament_brand'),
        colour: coloursOf(text('filament_color'))[0] ?? null,
        usedMm: number('used_mm'),
        usedG: number('used_g'),
        cost: number('cost'),
        nozzleTemp: number('nozzle_temp'),
      },
    ]
  })
  return tools.filter((tool) => tool.used !== false)
}
