/** The pages and who may see them. Paths are relative to <base>, so that a sub-path works. */
import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router'
import AppShell from './components/app/AppShell.vue'
import { useSession } from './composables/useSession'
import DashboardPage from './pages/DashboardPage.vue'

declare module 'vue-router' {
  interface RouteMeta {
    /** Key of the page's title in the catalogue. */
    title?: string
    /** May be seen by anybody. */
    open?: boolean
  }
}

const routes: RouteRecordRaw[] = [
  { path: '/sign-in', name: 'sign-in', component: () => import('./pages/SignInPage.vue'), meta: { open: true, title: 'signIn.title' } },
  { path: '/board', name: 'board', component: () => import('./pages/BoardPage.vue'), meta: { title: 'board.title' } },
  {
    path: '/',
    component: AppShell,
    children: [
      { path: '', name: 'dashboard', component: DashboardPage, meta: { title: 'nav.dashboard' } },
      { path: 'jobs', name: 'jobs', component: () => import('./pages/JobsPage.vue'), meta: { title: 'nav.jobs' } },
      { path: 'jobs/:id(\\d+)', name: 'job', component: () => import('./pages/JobPage.vue'), props: ({ params }) => ({ id: Number(params.id) }), meta: { title: 'job.title' } },
      { path: 'jobs/deleted', name: 'deleted-jobs', component: () => import('./pages/DeletedJobsPage.vue'), meta: { title: 'deleted.title' } },
      { path: 'analytics', name: 'analytics', component: () => import('./pages/AnalyticsPage.vue'), meta: { title: 'nav.analytics' } },
      { path: 'printers', name: 'printers', component: () => import('./pages/PrintersPage.vue'), meta: { title: 'nav.printers' } },
      { path: 'settings', name: 'settings', component: () => import('./pages/SettingsPage.vue'), meta: { title: 'nav.settings' } },
      { path: ':path(.*)*', name: 'not-found', component: () => import('./pages/NotFoundPage.vue'), meta: { title: 'notFound.title' } },
    ],
  },
]

export const router = createRouter({
  history: createWebHistory(),
  routes,
  scrollBehavior: (to, from, saved) => saved ?? (to.hash ? { el: to.hash } : to.path === from.path ? undefined : { top: 0 }),
})

const { restore } = useSession()

router.beforeEach(async (to) => {
  const session = await restore()
  if (!session && !to.meta.open) return { name: 'sign-in', query: to.fullPath === '/' ? {} : { next: to.fullPath } }
  if (session && to.name === 'sign-in') return { name: 'dashboard' }
  return true
})
