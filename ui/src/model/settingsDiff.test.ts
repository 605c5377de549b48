import { describe, expect, it } from 'vitest'
import { settingsDiff } from './settingsDiff'

describe('the difference of settings', () => {
  it('has differing keys only, also those that one side lacks', () => {
    const here = [{ key: 'layer_height', value: '0.2' }, { key: 'wall_loops', value: '3' }, { key: 'brim', value: '' }]
    const there = [{ key: 'wall_loops', value: '4' }, { key: 'layer_height', value: '0.2' }, { key: 'raft', value: '1' }]
    expect(settingsDiff(here, there)).toEqual([
      { key: 'brim', here: '', there: null },
      { key: 'raft', here: null, there: '1' },
      { key: 'wall_loops', here: '3', there: '4' },
    ])
    expect(settingsDiff(here, here)).toEqual([])
  })
})
