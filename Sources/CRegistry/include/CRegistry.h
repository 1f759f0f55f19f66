#pragma once

/// Makes a connection distrust the file that it opens: no triggers, no views, no writes to the schema tables, limits on values, statements and nesting, and an end to work that
/// takes more than five seconds of a thread's processor time.
///
/// `connection` is a `sqlite3 *`. Returns 0, or SQLite's code of what it does not know.
int registry_distrust(void *connection);

/// Counts the processor time of this thread from now on.
void registry_begin_work(void);
