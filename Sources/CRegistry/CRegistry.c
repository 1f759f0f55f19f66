#include "CRegistry.h"

#include <sqlite3.h>
#include <time.h>

static _Thread_local double start;

static double processor_seconds(void) {
  struct timespec time = {0, 0};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

void registry_begin_work(void) { start = processor_seconds(); }

static int is_spent(void *unused) {
  (void)unused;
  return processor_seconds() - start > 5.0;
}

int registry_distrust(void *connection) {
  sqlite3 *db = connection;
  struct { int option, value; } settings[] = {
    {SQLITE_DBCONFIG_DEFENSIVE, 1}, {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0}, {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
    {SQLITE_DBCONFIG_DQS_DDL, 0},   {SQLITE_DBCONFIG_DQS_DML, 0},        {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
  };
  // SQLITE_DBCONFIG_TRUSTED_SCHEMA stays on: some versions do not count the JSON functions of our own rules as harmless.
  // No expression of a schema is evaluated before the whole schema was compared with the known one.
  for (unsigned i = 0; i < sizeof settings / sizeof *settings; i++) {
    int code = sqlite3_db_config(db, settings[i].option, settings[i].value, (int *)0);
    if (code != SQLITE_OK) return code;
  }
  sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 32 << 20);
  sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, 1 << 20);
  sqlite3_limit(db, SQLITE_LIMIT_COLUMN, 100);
  sqlite3_limit(db, SQLITE_LIMIT_EXPR_DEPTH, 100);
  sqlite3_limit(db, SQLITE_LIMIT_COMPOUND_SELECT, 10);
  sqlite3_limit(db, SQLITE_LIMIT_VDBE_OP, 100000);
  sqlite3_limit(db, SQLITE_LIMIT_FUNCTION_ARG, 10);
  sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
  sqlite3_limit(db, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000);
  sqlite3_limit(db, SQLITE_LIMIT_TRIGGER_DEPTH, 10); // Foreign keys that cascade count, too.
  sqlite3_limit(db, SQLITE_LIMIT_WORKER_THREADS, 0);
  registry_begin_work();
  sqlite3_progress_handler(db, 10000, is_spent, (void *)0);
  return SQLITE_OK;
}
