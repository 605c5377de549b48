/** Colours as slicers write them: `#FF8000`, `FF8000FF`, several between `;` or `,`, or a word. */
export interface Colour {
  text: string
  /** To be given to CSS. `null` if it is a word, which may mean anything. */
  css: string | null
}

const HEX = /^#?([0-9a-f]{6})(?:[0-9a-f]{2})?$/i

export function coloursOf(text: string | null | undefined): Colour[] {
  return (text ?? '')
    .split(/[;,]/)
    .map((part) => part.trim().replaceAll('"', ''))
    .filter((part) => part !== '')
    .slice(0, 16)
    .map((part) => {
      const hex = HEX.exec(part)?.[1]
      return hex ? { text: `#${hex.toUpperCase()}`, css: `#${hex}` } : { text: part, css: null }
    })
}
