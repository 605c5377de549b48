import { describe, expect, it } from 'vitest'
import { coloursOf } from './colour'

describe('colours', () => {
  it('are read as slicers write them', () => {
    expect(coloursOf('#ff8000;00AE42FF,"#FFFFFF"')).toEqual([
      { text: '#FF8000', css: '#ff8000' }, { text: '#00AE42', css: '#00AE42' }, { text: '#FFFFFF', css: '#FFFFFF' },
    ])
    expect(coloursOf('Galaxy Black')).toEqual([{ text: 'Galaxy Black', css: null }])
    expect(coloursOf(null)).toEqual([])
    expect(coloursOf(';;')).toEqual([])
  })

  it('never give CSS anything else', () => {
    for (const text of ['url(//x)', 'red', '#12', '#ff8000)', 'var(--a)']) expect(coloursOf(text)[0]?.css).toBeNull()
  })
})
