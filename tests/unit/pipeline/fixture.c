/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/pipeline/fixture.h"

#include "base/limits.h"
#include "base/mem.h"
#include "stream/log_stream.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int fixture_directory(void **state)
{
    char *path = mem_strdup("/tmp/multisink-test-XXXXXX");

    *state = mkdtemp(path);
    return *state == NULL ? -1 : 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

int fixture_remove(void **state)
{
    int rc = nftw(*state, remove_one, 16, FTW_DEPTH | FTW_PHYS);

    free(*state);
    return rc;
}

static const struct column columns[] = {
    { .name = { "id", 2 },
      .type_oid = 20,
      .typmod = -1,
      .type_name = { "bigint", 6 },
      .type_kind = 'b',
      .identity = true,
      .primary_key = true,
      .not_null = true },
    { .name = { "v", 1 },
      .type_oid = 25,
      .typmod = -1,
      .type_name = { "text", 4 },
      .type_kind = 'b' },
};

const struct relation *fixture_relation(void)
{
    static const struct relation relation = { .version = 1,
                                              .oid = 16384,
                                              .schema = { "public", 6 },
                                              .table = { "t", 1 },
                                              .identity = RELATION_IDENTITY_DEFAULT,
                                              .column_count = 2,
                                              .columns = columns };

    return &relation;
}

struct change fixture_insert(const char *id, const char *v, struct position pos)
{
    static struct value rows[64][2];
    static unsigned next;
    struct value *row = rows[next++ % 64];

    row[0] = (struct value){ VALUE_TEXT, str_from(id) };
    row[1] = v != NULL ? (struct value){ VALUE_TEXT, str_from(v) }
                       : (struct value){ VALUE_NULL, STR_NONE };
    return (struct change){ .pos = pos,
                            .at = pos,
                            .wts = 1000000 + (int64_t)pos.ordinal,
                            .commit_time_us = 1700000000000000,
                            .op = CHANGE_INSERT,
                            .rel = fixture_relation(),
                            .after = row };
}

struct stream *fixture_stream(const char *dir)
{
    char *path = mem_printf("%s/log", dir);
    struct log_stream_opts opts = { .dir = path, .segment_bytes = MIB };
    struct stream *s;
    struct error err;

    assert_ok(log_stream_open(&opts, &s, NULL, &err), err);
    free(path);
    return s;
}

void fixture_append(struct stream *s, uint64_t commit_end, unsigned first, unsigned count)
{
    struct frame_tx tx = { .epoch = 1,
                           .xid = 700,
                           .commit_end = { commit_end },
                           .commit_lsn = { commit_end - 8 },
                           .commit_time_us = 1700000000000000,
                           .wts_base = (int64_t)commit_end * 1000,
                           .first_ordinal = 1 };
    struct position durable;
    struct error err;
    struct buf frame;

    buf_init(&frame, MIB);
    assert_ok(s->ops->begin(s, &tx, &err), err);
    for (unsigned i = 0; i < count; i++) {
        char id[16];
        struct change c;

        (void)snprintf(id, sizeof id, "%u", first + i);
        c = fixture_insert(id, "v", (struct position){ 0 });
        buf_clear(&frame);
        frame_put_change(&frame, &c);
        assert_ok(s->ops->frame(s, c.rel, buf_view(&frame), &err), err);
    }
    assert_ok(s->ops->commit(s, &err), err);
    assert_ok(s->ops->sync(s, &durable, &err), err);
    buf_done(&frame);
}
