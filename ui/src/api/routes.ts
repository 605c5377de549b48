// Generated from openapi.json by `npm run generate`. Do not edit.

/** Every route of the server, as `METHOD path`. */
export const ROUTES: readonly string[] = [
  "DELETE /api/admin/keys/{id}",
  "DELETE /api/jobs/{id}",
  "DELETE /api/printers/{id}",
  "DELETE /api/session",
  "GET /api/admin/keys",
  "GET /api/jobs",
  "GET /api/jobs/{id}",
  "GET /api/jobs/{id}/details",
  "GET /api/jobs/{id}/thumbnail",
  "GET /api/live",
  "GET /api/printers",
  "GET /api/printers/{id}",
  "GET /api/printers/{id}/status",
  "GET /api/session",
  "GET /health",
  "POST /api/admin/keys",
  "POST /api/gcode/parse",
  "POST /api/jobs/{id}/details/refresh",
  "POST /api/printers",
  "POST /api/printers/test",
  "POST /api/session",
  "PUT /api/printers/{id}"
]
