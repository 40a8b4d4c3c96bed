/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_SINK_HTTP_FIXTURE_H
#define TEST_SINK_HTTP_FIXTURE_H

/* A configured HTTP sink, a store in memory, and batches of a table t (id, name, big). */

#include "fake/http_server.h"
#include "sink/http.h"

struct http_fixture {
    struct config *config;
    struct sink_env env;
    struct sink_store store;
    struct str batches, sent; /* what the sink stored */
    size_t puts;
    struct sink *sink;
    struct arena arena;
    struct change changes[4096];
    struct batch batch;
    struct sink_result result;
    struct error err;
};

extern const struct relation http_fixture_rel;

/* `yaml`: the keys of http:, as a flow map. NULL is returned for one that is not valid. */
const struct http_conf *http_fixture_conf(struct http_fixture *f, const char *yaml);
/* A sink that sends to the fake; `keys` begins with a comma, or is "". */
void http_fixture_open(struct http_fixture *f, const struct fake_http *fake, const char *keys);
void http_fixture_reopen(struct http_fixture *f);
void http_fixture_close(struct http_fixture *f);

/* An empty batch that goes on from the last one. */
void http_fixture_batch(struct http_fixture *f);
/* Adds a change of row `id`. */
struct change *http_fixture_add(struct http_fixture *f, enum change_op op, long id,
                                const char *name);
bool http_fixture_write(struct http_fixture *f);

#endif
