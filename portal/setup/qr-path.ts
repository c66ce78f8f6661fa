/** QR codes as the path of an SVG. The one adapter of uqr. */
import { encode } from 'uqr'
import type { QrPath } from '../views/devices/app-setup.ts'

/** ISO/IEC 18004 §9.1: four modules of white around it. */
const QUIET_MODULES = 4

export function qrPathOf(text: string): QrPath {
  const { data } = encode(text, { ecc: 'L', border: 0 })
  // One rectangle for each run of dark modules in a row.
  const runs = data.flatMap((row, y) => {
    const rectangles: string[] = []
    for (let x = 0; x < row.length; x += 1) {
      if (row[x] !== true) continue
      const start = x
      while (row[x + 1] === true) x += 1
      rectangles.push(`M${start + QUIET_MODULES} ${y + QUIET_MODULES}h${x - start + 1}v1h-${x - start + 1}z`)
    }
    return rectangles
  })
  return { d: runs.join(''), size: data.length + 2 * QUIET_MODULES }
}
