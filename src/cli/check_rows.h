/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_CHECK_ROWS_H
#define CLI_CHECK_ROWS_H

/*
 * The findings of `multisink check`: gathered row by row by the parts (check_postgres.c, check_log.c,
 * check_kafka.c, check_sinks.c), shown at the end as a table or as JSON. One thread.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "config/config.h"
#include "postgres/catalog.h"

enum check_verdict { CHECK_OK, CHECK_WARN, CHECK_FAIL, CHECK_SKIP };

struct check_row {
    const char *part; /* "Postgres", "Log", "Kafka" or a sink's name */
    enum check_verdict verdict;
    const char *code; /* "E0433", or "" */
    const char *text;
    const char *fix;    /* a command or statement, or NULL */
    int64_t elapsed_us; /* of a connection; -1: nothing to say */
    int exit;           /* enum cli_exit of a FAIL */
};

struct check {
    const struct config *config; /* NULL when it is not valid */
    struct arena arena;          /* rows, texts, and the catalogue's tables */
    struct check_row *rows;
    size_t row_count, row_cap;
    const char *part; /* of the rows that are added now */

    /* What check_postgres found, for the sinks: in the order of source.postgres.tables; none when the
     * source could not be looked at. */
    const struct postgres_table *tables;
    size_t table_count;
};

void check_init(struct check *c, const struct config *config);
void check_done(struct check *c);

/* One finding about c->part. `fix` may be NULL. The texts are copied. */
void check_add(struct check *c, enum check_verdict verdict, enum error_code code, const char *fix,
               const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* The last row took this long. */
void check_elapsed(struct check *c, int64_t elapsed_us);
/* An error as a FAIL row. fix NULL: the page of its code. */
void check_error(struct check *c, const struct error *err, const char *fix);

/* The worst of all rows: CLI_UNREACHABLE, then CLI_USAGE, then CLI_OK. */
int check_exit(const struct check *c);
void check_put_text(const struct check *c, const char *path, int64_t elapsed_us, struct buf *b);
void check_put_json(const struct check *c, const char *path, int64_t elapsed_us, struct buf *b);

/* The parts. */
void check_postgres(struct check *c);
void check_log(struct check *c);
void check_kafka(struct check *c);
void check_sinks(struct check *c);

#endif
