import { expect, test } from 'vitest'
import { groupSettings, settingGroup } from './settingGroups'

test('names of several slicers find their group', () => {
  const groups = Object.fromEntries(
    [
      'layer_height', 'wall_loops', 'perimeters', 'sparse_infill_density', 'fill_pattern', 'support_threshold_angle', 'brim width',
      'outer_wall_speed', 'nozzle_temperature', 'fan_max_speed', 'filament_flow_ratio', 'retract_length', 'nozzle_diameter',
      'machine_start_gcode', 'printer_model', 'something else',
    ].map((key) => [key, settingGroup(key)]),
  )
  expect(groups).toEqual({
    layer_height: 'quality', wall_loops: 'walls', perimeters: 'walls', sparse_infill_density: 'infill', fill_pattern: 'infill',
    support_threshold_angle: 'support', 'brim width': 'support', outer_wall_speed: 'speed', nozzle_temperature: 'temperature',
    fan_max_speed: 'temperature', filament_flow_ratio: 'filament', retract_length: 'filament', nozzle_diameter: 'machine',
    machine_start_gcode: 'gcode', printer_model: 'machine', 'something else': 'other',
  })
})

test('groups keep their order, every row is in one, and empty ones are left out', () => {
  const rows = ['travel_speed', 'layer_height', 'first_layer_height'].map((key) => ({ key, value: '1' }))
  const groups = groupSettings(rows)
  expect(groups.map(({ group }) => group)).toEqual(['quality', 'speed'])
  expect(groups.flatMap((one) => one.rows)).toHaveLength(rows.length)
})
