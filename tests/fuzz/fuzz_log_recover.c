/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first byte says how the rest is used:
 *   even  the rest is the bytes of the first segment
 *   odd   the rest damages a good log: per step u8 file, u8 what (flip, cut, zero, swap), u16 where
 * Never a crash; and of the damaged good log never a record that was not written, nor one out of order.
 */
#include "log/log.h"
#include "log/segment.h"
#include "sim/disk.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RECORDS = 60 };

static struct log_opts opts_of(struct disk *d)
{
    return (struct log_opts){
        .dir = "/f", .ops = disk_ops(d), .clock = &clock_system, .segment_bytes = 1024
    };
}

static struct disk *good_log(void)
{
    struct disk *d = disk_new(1);
    struct log_opts opts = opts_of(d);
    struct error err;
    struct log *l;
    char text[64];

    if (!log_open(&opts, &l, NULL, &err))
        abort();
    for (int i = 0; i < RECORDS; i++) {
        int n = snprintf(text, sizeof text, "%d and thirty bytes more, or so", i);

        if (!log_append(l, str_make(text, (size_t)n), &err) || !log_commit(l, &err))
            abort();
        if (i % 3 == 0 && !log_sync(l, &err))
            abort();
    }
    if (!log_sync(l, &err))
        abort();
    log_close(l);
    return d;
}

static void damage(struct disk *d, const uint8_t *p)
{
    const char *path = disk_path(d, p[0] % 8);
    size_t at = p[2] | (size_t)p[3] << 8;
    const char *other;
    size_t n;
    char *bytes;

    if (path == NULL)
        return;
    bytes = disk_bytes(d, path, &n);
    switch (p[1] % 4) {
    case 0:
        if (n > 0)
            bytes[at % n] ^= (char)(p[1] | 1);
        break;
    case 1:
        disk_set(d, path, bytes, at % (n + 1));
        break;
    case 2:
        if (n > 0)
            memset(bytes + at % n, 0, n - at % n);
        break;
    default:
        other = disk_path(d, at % 8);
        if (other != NULL && other != path)
            disk_set(d, other, bytes, n);
        break;
    }
}

/* Opens and reads. With `written`, records must be the ones of good_log, in order. */
static void open_and_read(struct disk *d, bool written)
{
    struct log_opts opts = opts_of(d);
    struct log_record record;
    struct log_stats stats;
    struct log_reader *r;
    struct error err = { 0 };
    struct log *l;
    bool found = true;
    uint64_t last = 0;
    bool first = true;

    if (!log_open(&opts, &l, NULL, &err)) {
        if (err.kind == ERR_NONE || err.kind == ERR_RETRY)
            abort();
        return;
    }
    log_stats(l, &stats);
    if (!log_reader_open(l, stats.oldest, &r, &err))
        abort();
    while (found && log_read(r, &record, &found, &err) && found) {
        uint64_t number;

        if (!written)
            continue;
        if (!str_to_u64(str_make(record.bytes.p, str_find(record.bytes, ' ')), &number) ||
            (!first && number != last + 1) || number >= RECORDS)
            abort();
        first = false;
        last = number;
    }
    log_reader_close(r);
    if (!log_append(l, STR("more"), &err) || !log_commit(l, &err) || !log_sync(l, &err))
        abort();
    log_close(l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct disk *good;
    struct disk *d;

    if (size == 0)
        return 0;
    if (good == NULL)
        good = good_log();
    if (data[0] % 2 == 0) {
        d = disk_new(1);
        disk_set(d, "/f/0000000000000000.seg", data + 1, size - 1);
        open_and_read(d, false);
    } else {
        d = disk_clone(good);
        for (size_t at = 1; at + 4 <= size; at += 4)
            damage(d, data + at);
        open_and_read(d, true);
    }
    disk_free(d);
    return 0;
}
