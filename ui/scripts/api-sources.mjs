// What is generated from the OpenAPI document; the test of the generated files calls this, too.
import openapiTypescript, { astToString } from 'openapi-typescript'

const HEADER = '// Generated from openapi.json by `npm run generate`. Do not edit.\n\n'

/**
 * @param {import('openapi-typescript').OpenAPI3} document
 * @returns {Promise<Record<string, string>>} text by name of the file
 */
export async function apiSources(document) {
  const types = astToString(await openapiTypescript(document))
  return { 'schema.ts': HEADER + types }
}
