/// <reference types="vitest/config" />
import { fileURLToPath, URL } from 'node:url'
import vueI18n from '@intlify/unplugin-vue-i18n/vite'
import tailwindcss from '@tailwindcss/vite'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'

/** Server that `npm run dev` shows live data of. */
const backend = process.env.PRINTLOG_URL ?? 'http://localhost:8000'

export default defineConfig({
  // Assets are found relative to <base>, which the server sets to the path it is reached under.
  base: './',
  plugins: [
    vue(),
    tailwindcss(),
    vueI18n({
      include: fileURLToPath(new URL('./src/locales/*.json', import.meta.url)),
      strictMessage: true,
    }),
  ],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: {
    // A data: URL would need a hole in the Content-Security-Policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { '/api': backend, '/health': backend } },
  // A loaded machine is slow; no test is about speed.
  test: { testTimeout: 120_000, environment: 'jsdom', include: ['src/**/*.test.ts'] },
})
