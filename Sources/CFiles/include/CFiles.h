#pragma once

/// renameat2 with RENAME_NOREPLACE; -1 and errno, EINVAL or ENOSYS where the
/// system or the file system does not know it.
int files_rename_new(int old_folder, const char *old_name, int new_folder, const char *new_name);

/// renameat2 with RENAME_EXCHANGE.
int files_exchange(int folder, const char *name, int other_folder, const char *other_name);
