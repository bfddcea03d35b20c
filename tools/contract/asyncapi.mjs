// Checks an AsyncAPI document, and that its examples are what its schemas say, with
// AsyncAPI's own parser: node asyncapi.mjs FILE. Fails on errors and warnings.
import { createRequire } from 'node:module'

// The parser is installed beside the other tools, not beside this file.
const { Parser, fromFile } = createRequire(process.cwd() + '/')('@asyncapi/parser')
const worst = 1 // 0 is an error, 1 a warning, 2 information

const { document, diagnostics } = await fromFile(new Parser(), process.argv[2]).parse()
const problems = diagnostics.filter((d) => d.severity <= worst)
for (const d of problems) {
  console.error(`${d.path.join('.')}: ${d.message} (${d.code})`)
}
if (problems.length > 0 || !document) {
  console.error(`${process.argv[2]}: ${problems.length} problems`)
  process.exit(1)
}
console.log(`${process.argv[2]}: AsyncAPI ${document.version()}, ${document.allChannels().length} channels, ${document.allMessages().length} messages, no problems`)
