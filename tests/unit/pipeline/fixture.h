/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UNIT_PIPELINE_FIXTURE_H
#define UNIT_PIPELINE_FIXTURE_H

/* cmocka with what it needs before it, a directory of its own per test, and small changes to work with. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "model/change.h"
#include "stream/stream.h"

/* A new directory, removed with all in it by fixture_remove. *state is its path. */
int fixture_directory(void **state);
int fixture_remove(void **state);

/* public.t (id bigint primary key, v text), version 1 */
const struct relation *fixture_relation(void);
/* Row texts are borrowed; v NULL is SQL NULL. */
struct change fixture_insert(const char *id, const char *v, struct position pos);

/* A stream over a log in `dir`/log. */
struct stream *fixture_stream(const char *dir);
/* Appends one transaction of inserts with ids first..first+count-1 and syncs it. */
void fixture_append(struct stream *s, uint64_t commit_end, unsigned first, unsigned count);

/* Fails the test with the error's message when !ok. */
#define assert_ok(expression, err)                                                                 \
    do {                                                                                           \
        error_clear(&(err));                                                                       \
        if (!(expression))                                                                         \
            fail_msg("%s: %s %s", #expression, (err).code, (err).msg);                             \
    } while (0)

/* The expression fails, with that code. */
#define assert_code(expression, err, wanted)                                                       \
    do {                                                                                           \
        error_clear(&(err));                                                                       \
        assert_false(expression);                                                                  \
        if (!error_is(&(err), wanted))                                                             \
            fail_msg("%s: not %s but %s %s", #expression, #wanted, (err).code, (err).msg);         \
    } while (0)

#endif
