/* For LD_PRELOAD: fsync() of a folder fails with the number in FOLDER_SYNC_ERRNO, as CIFS and some FUSE file systems do. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

static int is_refused(int fd) {
  struct stat file;
  const char *number = getenv("FOLDER_SYNC_ERRNO");
  if (!number || !atoi(number) || fstat(fd, &file) || !S_ISDIR(file.st_mode)) return 0;
  errno = atoi(number);
  return 1;
}

int fsync(int fd) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  return is_refused(fd) ? -1 : real(fd);
}

int fdatasync(int fd) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  return is_refused(fd) ? -1 : real(fd);
}
