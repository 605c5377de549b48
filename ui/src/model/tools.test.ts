import { expect, test } from 'vitest'
import { toolsOf } from './tools'

test('tools in use, with their colour', () => {
  const tools = toolsOf([
    { index: 0, used: true, filament_type: 'PLA', filament_brand: 'Maker', filament_color: '#FF8000', used_g: 12.5 },
    { index: 1, used: false, filament_type: 'PETG' },
    { index: 2, filament_type: 'TPU', filament_name: 'Flex' },
  ])
  expect(tools.map(({ index, material, name, usedG }) => [index, material, name, usedG])).toEqual([
    [0, 'PLA', 'Maker', 12.5],
    [2, 'TPU', 'Flex', null],
  ])
  expect(tools[0]?.colour?.css).toBe('#FF8000')
})

test('what is no tool is left out', () => {
  expect(toolsOf(null)).toEqual([])
  expect(toolsOf(['x', 3, null])).toEqual([])
  expect(toolsOf([{ filament_type: 7, used_g: '1', filament_color: 'red;url(x)' }])).toMatchObject([
    { index: 0, material: null, usedG: null, colour: { text: 'red', css: null } },
  ])
})
