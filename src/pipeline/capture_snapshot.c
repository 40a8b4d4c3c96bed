/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new history: publication, slot with an exported snapshot, and the copy of the tables in it.
 *
 * The phase is stored before each step that a crash could leave half done: CREATING before the slot is
 * made, SNAPSHOT before the first row; STREAMING once the copy is durable. The copy is one unit of the
 * stream, so an interrupted one was never visible, and the next start drops the slot and begins again
 * with a higher epoch.
 */
#include "pipeline/capture.h"

#include "base/limits.h"
#include "base/logger.h"
#include "postgres/slot.h"
#include "postgres/snapshot.h"

enum { PROGRESS_EVERY_US = 5 * 1000000 };

struct copy {
    struct capture *c;
    struct postgres_snapshot *snapshot;
    struct frame_tx tx;
    struct buf frame;
    const struct relation *rel; /* as it is written; NULL: not wanted */
    uint64_t rows;
    uint64_t table_rows;
    int64_t table_rows_expected;
    int64_t table_started_us;
    int64_t told_us;
};

static void waiting(void *ctx, const char *text)
{
    (void)ctx;
    logger_info("capture", "making the slot %s", text);
}

static void tell(struct copy *copy, bool done)
{
    int64_t now = clock_mono_us(copy->c->opts.clock);
    double seconds = (double)(now - copy->table_started_us) / 1e6;
    double rate = seconds > 0 ? (double)copy->table_rows / seconds : 0;
    struct buf name;

    if (!done && now - copy->told_us < PROGRESS_EVERY_US)
        return;
    copy->told_us = now;
    buf_init(&name, 4 * KIB);
    relation_name(copy->rel, &name);
    if (done || copy->table_rows_expected <= (int64_t)copy->table_rows || rate <= 0) {
        logger_info("capture", "snapshot of %s: %llu rows%s, %.0f rows/s", buf_cstr(&name),
                    (unsigned long long)copy->table_rows, done ? ", complete" : "", rate);
    } else {
        double left = (double)(copy->table_rows_expected - (int64_t)copy->table_rows);

        logger_info("capture", "snapshot of %s: %llu of about %lld rows, %.0f rows/s, %.0f s left",
                    buf_cstr(&name), (unsigned long long)copy->table_rows,
                    (long long)copy->table_rows_expected, rate, left / rate);
    }
    buf_done(&name);
}

static bool append_frame(struct copy *copy, struct error *err)
{
    struct stream *s = copy->c->opts.stream;

    while (!s->ops->frame(s, copy->rel, buf_view(&copy->frame), err)) {
        if (!capture_waits_out(copy->c, err))
            return false;
    }
    return true;
}

static bool take_row(void *ctx, const struct relation *rel, const struct value *row,
                     struct error *err)
{
    struct copy *copy = ctx;
    struct change change = { .op = CHANGE_SNAPSHOT, .rel = copy->rel, .after = row };

    (void)rel;
    if (copy->rows == UINT32_MAX)
        return error_set(err, ERR_STOP, E_SYS_LIMIT,
                         "cannot copy more than %u rows in one snapshot", UINT32_MAX);
    buf_clear(&copy->frame);
    frame_put_change(&copy->frame, &change);
    if (!append_frame(copy, err))
        return false;
    copy->rows++;
    copy->table_rows++;
    if (copy->table_rows % 4096 == 0) {
        tell(copy, false);
        return copy->c->opts.keeper == NULL || keeper_check(copy->c->opts.keeper, err);
    }
    return true;
}

static bool copy_table(struct copy *copy, size_t index, struct error *err)
{
    struct postgres_snapshot_table table = postgres_snapshot_table(copy->snapshot, index);

    if (!tables_resolve(&copy->c->tables, copy->c->sql, table.rel, &copy->rel, err))
        return false;
    if (copy->rel == NULL)
        return true;
    copy->table_rows = 0;
    copy->table_rows_expected = table.row_estimate;
    copy->table_started_us = clock_mono_us(copy->c->opts.clock);
    copy->told_us = copy->table_started_us;
    if (!postgres_snapshot_copy(copy->snapshot, index, take_row, copy, err))
        return false;
    tell(copy, true);
    return true;
}

static bool copy_tables(struct copy *copy, struct error *err)
{
    struct stream *s = copy->c->opts.stream;
    size_t count = postgres_snapshot_count(copy->snapshot);

    if (!capture_begin(copy->c, &copy->tx, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!copy_table(copy, i, err))
            return false;
    }
    return copy->rows == 0 || s->ops->commit(s, err);
}

static bool run_copy(struct capture *c, const struct postgres_slot_made *made, struct error *err)
{
    const struct config_source *source = &c->opts.config->source;
    int64_t now = clock_real_us(c->opts.clock);
    struct copy copy = { .c = c,
                         .tx = { .epoch = c->source.epoch,
                                 .commit_end = made->consistent,
                                 .commit_lsn = made->consistent,
                                 .commit_time_us = now,
                                 .wts_base = assembler_stamp(&c->assembler, now) - 1,
                                 .first_ordinal = 1,
                                 .flags = FRAME_TX_SNAPSHOT } };
    bool ok;

    if (!postgres_snapshot_open(c->sql, made->snapshot, source->publication, source->tables.items,
                                source->tables.count, c->relations, &copy.snapshot, err))
        return false;
    buf_init(&copy.frame, LIMIT_LOG_RECORD);
    progress_edit_capture(&c->progress)->state = PROGRESS_SNAPSHOT;
    progress_release(&c->progress);
    ok = copy_tables(&copy, err);
    /* What was appended and not committed goes; for a copy without rows this is all there is. */
    if (!ok || copy.rows == 0)
        c->opts.stream->ops->abort(c->opts.stream);
    buf_done(&copy.frame);
    postgres_snapshot_close(copy.snapshot);
    return ok && (copy.rows > 0 ? capture_sync(c, err) : capture_mark(c, made->consistent, err));
}

bool capture_new_history(struct capture *c, struct error *err)
{
    const struct config_source *source = &c->opts.config->source;
    struct postgres_slot_create_opts opts = { .name = source->slot, .waiting = waiting };
    struct postgres_slot_made made;
    char lsn[LSN_TEXT];

    if (!capture_connect_replication(c, err) ||
        !postgres_slot_create(c->replication, c->sql, &opts, &made, err))
        return false;
    logger_info("capture", "made slot %s at %s", source->slot, lsn_format(made.consistent, lsn));
    c->assembler.last_wts = capture_tail(c).last_wts;
    c->durable = (struct lsn){ 0 };
    if (!capture_set_phase(c, CHECKPOINT_SNAPSHOT, err))
        return false;
    /* Everything is copied anew, or nothing is wanted. */
    if (c->incremental != NULL && !incremental_store_clear(c->state, err))
        return false;
    if (source->snapshot == CONFIG_SNAPSHOT_NEVER) {
        logger_info("capture", "snapshot: never; rows from before %s are not copied", lsn);
        if (!capture_mark(c, made.consistent, err))
            return false;
    } else if (!run_copy(c, &made, err)) {
        return false;
    }
    c->opts.resnapshot = false;
    return capture_set_phase(c, CHECKPOINT_STREAMING, err);
}
