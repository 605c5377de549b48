/* For LD_PRELOAD: the index of SQLite's WAL cannot be mapped, as on 9p, virtiofs and some bind mounts. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef void *(*map)(void *, size_t, int, int, int, off_t);

static int is_index(int fd) {
  char link[64], name[PATH_MAX];
  if (fd < 0) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, name, sizeof name);
  return length >= 4 && memcmp(name + length - 4, "-shm", 4) == 0;
}

static void *refuse_or(const char *real, void *at, size_t size, int access, int flags, int fd, off_t offset) {
  if (is_index(fd)) {
    errno = ENODEV;
    return MAP_FAILED;
  }
  return ((map)dlsym(RTLD_NEXT, real))(at, size, access, flags, fd, offset);
}

void *mmap(void *at, size_t size, int access, int flags, int fd, off_t offset) {
  return refuse_or("mmap", at, size, access, flags, fd, offset);
}

void *mmap64(void *at, size_t size, int access, int flags, int fd, off_t offset) {
  return refuse_or("mmap64", at, size, access, flags, fd, offset);
}
