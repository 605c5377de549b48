import { describe, expect, it } from 'vitest'
import { isComplete } from './comparison'

describe('a comparison', () => {
  it('tolerates that a value is missing for a twentieth of the jobs', () => {
    expect(isComplete({ missing: 5, jobs: 100 })).toBe(true)
    expect(isComplete({ missing: 6, jobs: 100 })).toBe(false)
    expect(isComplete({ missing: 0, jobs: 0 })).toBe(true)
  })
})
