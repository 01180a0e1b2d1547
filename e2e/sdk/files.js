import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

// inFile writes lines into a file, for a call that takes a path.
export async function inFile(name, lines) {
  const path = join(await mkdtemp(join(tmpdir(), 'herald-sdk-')), name)
  await writeFile(path, lines.join('\n'))
  return path
}
