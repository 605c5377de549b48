import { QueryClient, VueQueryPlugin } from '@tanstack/vue-query'
import { createApp } from 'vue'
import { ApiError } from './api/client'
import App from './App.vue'
import { i18n, startTranslation } from './i18n'
import { router } from './router'
import './styles/main.css'

const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      // What was refused will be refused again; what did not get through may.
      retry: (failures, error) => failures < 2 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
      // A home network without internet is online for us.
      networkMode: 'always',
    },
    mutations: { networkMode: 'always' },
  },
})

await startTranslation()
createApp(App).use(router).use(i18n).use(VueQueryPlugin, { queryClient }).mount('#app')
