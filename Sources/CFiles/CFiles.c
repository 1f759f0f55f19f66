#define _GNU_SOURCE
#include "CFiles.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

// By the system call, because Swift does not see the wrapper of glibc, and musl has none.
static int rename_with(int old_folder, const char *old_name, int new_folder, const char *new_name, unsigned flags) {
#ifdef SYS_renameat2
  return (int)syscall(SYS_renameat2, old_folder, old_name, new_folder, new_name, flags);
#else
  errno = ENOSYS;
  return -1;
#endif
}

int files_rename_new(int old_folder, const char *old_name, int new_folder, const char *new_name) {
  return rename_with(old_folder, old_name, new_folder, new_name, 1 /* RENAME_NOREPLACE */);
}

int files_exchange(int folder, const char *name, int other_folder, const char *other_name) {
  return rename_with(folder, name, other_folder, other_name, 2 /* RENAME_EXCHANGE */);
}
