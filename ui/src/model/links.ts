/** Text in parts, so that web addresses in it can be links. */
export interface TextPart {
  text: string
  /** Address of a link. */
  href?: string
}

/** Only `http` and `https`: notes come from any user, and other schemes may run scripts. */
const ADDRESS = /https?:\/\/[^\s<>"']+/gi
/** Punctuation at the end belongs to the sentence. */
const TRAILING = /[.,;:!?)\]}]+$/

export function linkParts(text: string): TextPart[] {
  const parts: TextPart[] = []
  let end = 0
  for (const match of text.matchAll(ADDRESS)) {
    const address = match[0].replace(TRAILING, '')
    if (!URL.canParse(address)) continue
    if (match.index > end) parts.push({ text: text.slice(end, match.index) })
    parts.push({ text: address, href: address })
    end = match.index + address.length
  }
  if (end < text.length) parts.push({ text: text.slice(end) })
  return parts
}
