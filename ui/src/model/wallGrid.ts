/** How many tiles stand in each row of the wall display, so that every row is full. */

/** Width of a tile for its height. */
const SHAPE = 1.5
/** Rows of different lengths count like a tile that is 1.8 times too wide. */
const UNEVEN = 0.6

/** Tiles of each row. Rows differ by one tile at most, and stretch over the whole width. */
export function wallRows(tiles: number, width: number, height: number): number[] {
  const misfit = (rows: number) =>
    Math.abs(Math.log(width / (tiles / rows) / (height / rows) / SHAPE)) + (tiles % rows === 0 ? 0 : UNEVEN)
  const choices = Array.from({ length: tiles }, (_, index) => index + 1)
  const rows = choices.reduce((best, count) => (misfit(count) < misfit(best) ? count : best), 1)
  return Array.from({ length: tiles === 0 ? 0 : rows }, (_, row) => Math.floor(((row + 1) * tiles) / rows) - Math.floor((row * tiles) / rows))
}
