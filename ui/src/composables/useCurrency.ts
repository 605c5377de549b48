/** The currency of costs whose file names none: a setting of the server. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/vue-query'
import { computed } from 'vue'
import { useI18n } from 'vue-i18n'
import { body, client } from '@/api/client'
import { usePreferences } from './usePreferences'
import { useProblemText } from './useProblemText'
import { useSession } from './useSession'
import { useToasts } from './useToasts'

const KEY = ['currency']

export function useCurrency() {
  const queries = useQueryClient()
  const preferences = usePreferences()
  const problemText = useProblemText()
  const { t } = useI18n()
  const { show } = useToasts()
  const { mayChange } = useSession()
  const { data: setting } = useQuery({ queryKey: KEY, queryFn: ({ signal }) => body(client.GET('/api/settings/currency', { signal })) })
  const { mutateAsync: save, isPending } = useMutation({
    mutationFn: (code: string | null) => body(client.PUT('/api/settings/currency', { body: { currency: code } })),
    onSuccess: (saved) => {
      queries.setQueryData(KEY, saved)
      // The server answers with the costs in their currency.
      return Promise.all([['jobs'], ['analytics'], ['system']].map((queryKey) => queries.invalidateQueries({ queryKey })))
    },
  })

  /** Each with its name. */
  const currencies = computed(() => {
    const names = new Intl.DisplayNames(preferences.locale, { type: 'currency' })
    return (setting.value?.choices ?? []).map((code) => ({ code, name: names.of(code) ?? code }))
  })
  const isConfigured = computed(() => setting.value?.source === 'config')

  async function choose(code: string | null) {
    try {
      await save(code)
      show('done', code === null ? t('settings.currencyRemoved') : t('settings.currencySaved', { code }))
    } catch (error) {
      show('failed', problemText(error))
    }
  }

  return {
    currency: computed(() => setting.value?.currency ?? null),
    currencies,
    /** The configuration file decides, and users cannot change it. */
    isConfigured,
    mayChoose: computed(() => mayChange.value && setting.value !== undefined && !isConfigured.value && !isPending.value),
    choose,
  }
}
