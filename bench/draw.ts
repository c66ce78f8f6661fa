/** `node bench/draw.ts`: bench/RESULTS.md and the pictures once more, of what runs have left: for a change of how they look. */
import { writeWhatFollows } from './results.ts'

writeWhatFollows(new URL('..', import.meta.url).pathname.slice(0, -1))
