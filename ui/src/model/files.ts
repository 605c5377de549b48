/** Orders of files in the analytics, and the API's names of them. */
export const FILE_ORDERS = ['printed', 'failed', 'success', 'lost'] as const
export type FileOrder = (typeof FILE_ORDERS)[number]

export const FILE_SORTS = { printed: 'jobs', failed: 'failed', success: 'success_rate', lost: 'filament_lost' } as const satisfies Record<FileOrder, string>
