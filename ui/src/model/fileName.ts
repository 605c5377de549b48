/** The parts of a path in the printer's gcodes folder. */
export function splitPath(path: string): { folder: string; name: string } {
  const slash = path.lastIndexOf('/')
  return { folder: path.slice(0, slash + 1), name: path.slice(slash + 1) }
}

/** The name for people: without folder and without `.gcode`. */
export function titleOf(path: string): string {
  return splitPath(path).name.replace(/\.(gcode|gco|g|bgcode|ufp)$/i, '') || path
}
