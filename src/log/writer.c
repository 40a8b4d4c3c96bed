/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records are collected into a batch, and batches are written at about batch_bytes. A batch that ends a
 * unit is marked COMMIT; when a batch is full and a unit lies open in it, the whole units are written
 * as one batch and the open one stays in memory as the start of the next. So a COMMIT batch never holds
 * a part of a unit, and cutting an unfinished unit is cutting between two batches.
 *
 * A new segment is begun only where the batch in memory is empty or begins with a unit: that is where
 * the preamble can be true.
 */
#include "log/log_private.h"

#include "base/crc32c.h"

#include <assert.h>
#include <errno.h>

size_t log_payload(const struct log *l)
{
    return l->batch.n - SEGMENT_BATCH_HEADER;
}

void log_batch_clear(struct log *l)
{
    /* A single large record may have made it grow. */
    buf_shrink(&l->batch, 4 * LIMIT_LOG_BATCH);
    (void)buf_reserve(&l->batch, SEGMENT_BATCH_HEADER);
    buf_added(&l->batch, SEGMENT_BATCH_HEADER);
    l->batch_records = 0;
}

bool log_write_batch(struct log *l, size_t n, uint32_t records, uint32_t flags, struct error *err)
{
    struct segment_batch b = {
        .pos = l->at.end,
        .synced_upto = l->synced,
        .payload_n = (uint32_t)n,
        .record_count = records,
        .flags = flags,
        .link = l->at.link,
    };
    size_t left = log_payload(l) - n;

    assert(n <= SEGMENT_PAYLOAD_MAX);
    b.payload_crc = crc32c(0, l->batch.p + SEGMENT_BATCH_HEADER, n);
    segment_batch_encode(&b, (unsigned char *)l->batch.p);
    if (!file_write_at(l->ops, l->at.fd, l->batch.p, SEGMENT_BATCH_HEADER + n,
                       (off_t)(l->at.end - l->at.base)))
        return log_write_failed(l, l->at.base, errno, err);
    l->dirty = true;
    l->at.end += SEGMENT_BATCH_HEADER + n;
    l->at.link = b.crc;
    if ((flags & SEGMENT_COMMIT) != 0) {
        l->commit_end = l->at.end;
        l->commit_link = b.crc;
    }
    (void)pthread_mutex_lock(&l->lock);
    l->appended += SEGMENT_BATCH_HEADER + n;
    l->stored_end = l->at.end;
    (void)pthread_mutex_unlock(&l->lock);
    if (left == 0) {
        log_batch_clear(l);
        return true;
    }
    memmove(l->batch.p + SEGMENT_BATCH_HEADER, l->batch.p + SEGMENT_BATCH_HEADER + n, left);
    l->batch.n = SEGMENT_BATCH_HEADER + left;
    l->batch_records -= records;
    return true;
}

/* Writes the whole units of the batch in memory. */
static bool write_whole(struct log *l, struct error *err)
{
    if (!log_write_batch(l, l->whole_n, l->whole_records, SEGMENT_COMMIT, err))
        return false;
    l->at.holds_batch = true;
    l->whole = false;
    l->whole_n = 0;
    l->whole_records = 0;
    return true;
}

static bool write_open(struct log *l, struct error *err)
{
    if (!log_write_batch(l, log_payload(l), l->batch_records, 0, err))
        return false;
    l->at.holds_batch = true;
    return true;
}

/* Is the segment full, with n more bytes to come? One that holds nothing yet never is. */
static bool segment_full(const struct log *l, size_t n)
{
    uint64_t used = l->at.end - l->at.base;
    size_t next = n > l->batch_bytes ? n : l->batch_bytes;

    return l->at.holds_batch && used + SEGMENT_BATCH_HEADER + next > l->segment_bytes;
}

static void put(struct log *l, struct str record)
{
    segment_record_put(&l->batch, record);
    l->batch_records++;
    assert(buf_ok(&l->batch));
}

/* Makes the batch in memory able to take n more bytes. */
static bool make_room(struct log *l, size_t n, struct error *err)
{
    if (l->whole && l->whole_n == 0 && !write_whole(l, err))
        return false;
    while (log_payload(l) > 0 && log_payload(l) + n > l->batch_bytes) {
        bool split = l->whole;

        if (!(split ? write_whole(l, err) : write_open(l, err)))
            return false;
        if (split && log_payload(l) > 0 && segment_full(l, log_payload(l) + n) &&
            !log_roll(l, false, err))
            return false;
    }
    if (log_payload(l) == 0 && segment_full(l, n))
        return log_roll(l, l->at.end > l->commit_end, err);
    return true;
}

static bool check_record(struct log *l, struct str record, struct error *err)
{
    assert(!l->readonly);
    if (!log_usable(l, err))
        return false;
    if (record.n > LIMIT_LOG_RECORD)
        return error_set(err, ERR_STOP, E_SYS_LIMIT,
                         "cannot store a record of %zu bytes: the limit is %zu", record.n,
                         LIMIT_LOG_RECORD);
    return true;
}

bool log_append(struct log *l, struct str record, struct error *err)
{
    if (!check_record(l, record, err) || !make_room(l, segment_record_size(record.n), err))
        return false;
    put(l, record);
    return true;
}

bool log_put_preamble(struct log *l, struct str record, struct error *err)
{
    size_t n = segment_record_size(record.n);

    if (!check_record(l, record, err))
        return false;
    if (log_payload(l) > 0 && log_payload(l) + n > l->batch_bytes &&
        !log_write_batch(l, log_payload(l), l->batch_records, 0, err))
        return false;
    put(l, record);
    return true;
}

bool log_commit(struct log *l, struct error *err)
{
    if (!log_usable(l, err))
        return false;
    /* Its last record is in memory, unless the last append failed after it had written the others. */
    l->whole = log_payload(l) > 0 || l->at.end > l->commit_end;
    l->whole_n = log_payload(l);
    l->whole_records = l->batch_records;
    return true;
}

bool log_abort(struct log *l, struct error *err)
{
    if (!log_usable(l, err))
        return false;
    l->batch.n = SEGMENT_BATCH_HEADER + l->whole_n;
    l->batch_records = l->whole_records;
    /* With whole units in memory, whatever was written before belongs to the first of them. */
    if (l->whole || l->at.end <= l->commit_end)
        return true;
    return log_cut(l, err);
}

bool log_sync_file(struct log *l, struct error *err)
{
    if (!l->dirty)
        return true;
    if (!log_fdatasync(l, l->at.fd))
        return log_sync_failed(l, errno, err);
    l->dirty = false;
    l->synced = l->commit_end;
    return true;
}

bool log_sync(struct log *l, struct error *err)
{
    int64_t start_us = clock_mono_us(l->clock);

    assert(!l->readonly);
    if (!log_usable(l, err))
        return false;
    if (l->whole && !write_whole(l, err))
        return false;
    if (l->synced != l->commit_end && !log_sync_file(l, err))
        return false;
    (void)pthread_mutex_lock(&l->lock);
    if (l->tail != l->synced) {
        l->tail = l->synced;
        l->last_sync_us = clock_mono_us(l->clock) - start_us;
        log_wake_readers(l);
    }
    (void)pthread_mutex_unlock(&l->lock);
    return true;
}

uint64_t log_segment_number(const struct log *l)
{
    return l->number;
}
