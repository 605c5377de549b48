// What is generated from the OpenAPI document; the test of the generated files calls this, too.
import openapiTypescript, { astToString } from 'openapi-typescript'

const HEADER = '// Generated from openapi.json by `npm run generate`. Do not edit.\n\n'

/**
 * @param {import('openapi-typescript').OpenAPI3} document
 * @returns {Promise<Record<string, string>>} text by name of the file
 */
export async function apiSources(document) {
  const types = astToString(await openapiTypescript(document))
  const routes = Object.entries(document.paths ?? {})
    .flatMap(([path, item]) => Object.keys(item).filter(isMethod).map((method) => `${method.toUpperCase()} ${path}`))
    .sort()
  return {
    'schema.ts': HEADER + types,
    'routes.ts': `${HEADER}/** Every route of the server, as \`METHOD path\`. */\nexport const ROUTES: readonly string[] = ${JSON.stringify(routes, null, 2)}\n`,
  }
}

const isMethod = (key) => ['get', 'post', 'put', 'patch', 'delete'].includes(key)
