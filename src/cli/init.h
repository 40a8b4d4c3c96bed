/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_INIT_H
#define CLI_INIT_H

/*
 * `multisink init`: what was found on the source (init.c), the pipeline.yaml made of it (init_yaml.c), and
 * the statements that have to be run first (init_setup.c). The latter two are pure.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "postgres/catalog.h"
#include "postgres/server.h"

enum init_sinks { INIT_STDOUT = 1, INIT_REDIS = 2, INIT_CASSANDRA = 4, INIT_HTTP = 8 };

struct init {
    const char *name;  /* of the pipeline */
    const char *url;   /* without its password */
    bool has_password; /* the URL had one */
    unsigned sinks;    /* enum init_sinks, one or more */
    bool connected;    /* false: nothing below is known, and the file is only an example */
    struct postgres_server server;
    const struct postgres_table *tables;
    size_t table_count;
    const char *publication;
    bool publication_exists;
    struct arena *arena;
};

/* Can its updates and deletes be captured? Others are left out, with a comment. */
bool init_table_fits(const struct postgres_table *t);
/* As the configuration names it. Lives in the arena. */
const char *init_table_name(const struct init *in, const struct postgres_table *t);

/* The nearest character that a name of ours may have. */
char init_name_char(char c);

void init_put_yaml(const struct init *in, struct buf *b);
/* SQL that the source lacks, and CQL for the target tables; nothing when nothing is missing. */
void init_put_setup(const struct init *in, struct buf *b);

#endif
