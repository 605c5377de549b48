/** How many columns of tiles fill a screen best: tiles come as close as they can to the wanted shape. */

/** Width of a tile for its height. */
const SHAPE = 1.5

export function wallColumns(tiles: number, width: number, height: number): number {
  const misfit = (columns: number) => {
    const rows = Math.ceil(tiles / columns)
    const empty = rows * columns - tiles
    return Math.abs(Math.log(width / columns / (height / rows) / SHAPE)) + empty / Math.max(1, tiles)
  }
  const choices = Array.from({ length: Math.max(1, tiles) }, (_, index) => index + 1)
  return choices.reduce((best, columns) => (misfit(columns) < misfit(best) ? columns : best), 1)
}
