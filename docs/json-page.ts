/** docs/json.md, from the table that the tests hold all output against. */
import { ERROR_SHAPE, SHAPES, type Shape } from './json-shapes.ts'
import { generatedNotice } from './markdown.ts'

const INTRODUCTION = `# JSON

Under \`--json\` a command prints one JSON value on stdout and nothing else there; lists take \`--jsonl\` too, which prints one element of the array a line,
as the rows are read. An error is one JSON value on stderr, with the exit codes of [errors.md](errors.md):

\`\`\`
${formatShape(ERROR_SHAPE)}
\`\`\`

**This is stable.** What stands here keeps its name, its type and its meaning; fields and values are added, never renamed or taken away, so read what you
know and pass over the rest. Every test that runs a command compares what it prints with this page. The HTTP API has the same objects
([api.md](api.md)); the log has [monitoring.md](monitoring.md).

Times are ISO 8601 in UTC with milliseconds, like \`2026-11-26T18:40:12.345Z\`. \`text\` is a string, \`whole number\` and \`yes or no\` are a number and a
boolean, \`[ … ]\` is an array of what stands in it; \`anything\` has no fixed form.
`

export function formatJsonPage(): string {
  const parts = SHAPES.map(({ commands, shape, remark }) => {
    const title = commands.map(command => `\`${command}\``).join(', ')
    return `## ${title}\n\n${remark === undefined ? '' : `${remark}\n\n`}\`\`\`\n${formatShape(shape)}\n\`\`\`\n`
  })
  return [generatedNotice('`docs/json-shapes.ts`'), INTRODUCTION, ...parts].join('\n')
}

function formatShape(shape: Shape, indent = ''): string {
  if ('is' in shape) return shape.is
  if ('oneOf' in shape) return shape.oneOf.map(word => `"${word}"`).join(' or ')
  if ('orNull' in shape) return `${formatShape(shape.orNull, indent)}, or null`
  if ('either' in shape) return shape.either.map(one => formatShape(one, indent)).join(`\n${indent}or\n${indent}`)
  if ('list' in shape) return `[ ${formatShape(shape.list, indent)} ]`
  const inner = `${indent}  `
  const lines = Object.entries(shape.fields).map(([name, field]) => `${inner}"${name}": ${formatShape(field, inner)}\n`)
  return `{\n${lines.join('')}${indent}}`
}
