/** Slicer settings by what they are about, guessed from their names: every slicer has words of its own. */
import type { Row } from './flatten'

export const SETTING_GROUPS = [
  'quality', 'walls', 'infill', 'support', 'speed', 'temperature', 'filament', 'machine', 'gcode', 'other',
] as const
export type SettingGroup = (typeof SETTING_GROUPS)[number]

/** The first that matches decides, so the narrow ones come before the wide ones. */
const RULES: readonly (readonly [SettingGroup, RegExp])[] = [
  ['gcode', /g-?code|script|post_process/],
  ['machine', /^(machine|printer|host|print_host|bed_(shape|size|custom|exclude|mesh)|printable|thumbnail)|nozzle_(diameter|type|volume|height)|extruder_(clearance|offset|colou?r|variant)/],
  ['support', /support|raft|brim|skirt|adhesion|(prime|wipe)_tower/],
  ['infill', /infill|fill_(density|pattern|angle)/],
  ['temperature', /temp|fan|cool|heat/],
  ['speed', /speed|accel|jerk|feedrate|volumetric/],
  ['walls', /wall|perimeter|shell|seam|surface|^(top|bottom)_/],
  ['quality', /layer|line_width|extrusion_width|resolution|ironing|elephant|elefant|xy_|precise|arc_|spiral|bridge|overhang/],
  ['filament', /filament|material|retract|wipe|pressure_advance|flow|extrusion_multiplier|density|diameter|z_hop|deretract/],
  ['machine', /nozzle|bed|extruder|plate/],
]

export function settingGroup(key: string): SettingGroup {
  const name = key.toLowerCase().replaceAll(/[\s-]+/g, '_')
  return RULES.find(([, rule]) => rule.test(name))?.[0] ?? 'other'
}

/** Rows by group, without empty groups. */
export function groupSettings(rows: readonly Row[]): { group: SettingGroup; rows: Row[] }[] {
  const groups = new Map(SETTING_GROUPS.map((group) => [group, [] as Row[]]))
  for (const row of rows) groups.get(settingGroup(row.key))?.push(row)
  return [...groups].flatMap(([group, found]) => (found.length > 0 ? [{ group, rows: found }] : []))
}
