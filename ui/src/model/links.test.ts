import { describe, expect, it } from 'vitest'
import { linkParts } from './links'

describe('links in a text', () => {
  it('are web addresses, without the punctuation after them', () => {
    expect(linkParts('See https://example.org/a?b=1, or (http://example.org).')).toEqual([
      { text: 'See ' },
      { text: 'https://example.org/a?b=1', href: 'https://example.org/a?b=1' },
      { text: ', or (' },
      { text: 'http://example.org', href: 'http://example.org' },
      { text: ').' },
    ])
  })

  it('are nothing else', () => {
    for (const text of ['', 'plain', 'javascript:alert(1)', 'data:text/html,x', 'ftp://example.org', 'https://']) {
      expect(linkParts(text).some(({ href }) => href !== undefined), text).toBe(false)
    }
    expect(linkParts('a<b>c')).toEqual([{ text: 'a<b>c' }])
  })
})
