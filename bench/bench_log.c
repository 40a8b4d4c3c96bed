/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast the log takes and gives records: bench_log DIR [RECORDS]. Appends records of 200 bytes, ten to
 * a unit, with a sync every thousand units, then reads them all; prints both rates.
 */
#include "log/log.h"

#include <stdio.h>
#include <stdlib.h>

enum { RECORD = 200, UNIT = 10, UNITS_PER_SYNC = 1000 };

static void die(const struct error *err)
{
    (void)fprintf(stderr, "bench_log: %s\n", err->msg);
    exit(1); /* NOLINT(concurrency-mt-unsafe): one thread */
}

static void append_all(struct log *l, uint64_t records)
{
    char bytes[RECORD];
    struct error err = { 0 };

    memset(bytes, 'r', sizeof bytes);
    for (uint64_t i = 1; i <= records; i++) {
        if (!log_append(l, str_make(bytes, sizeof bytes), &err) ||
            (i % UNIT == 0 && !log_commit(l, &err)) ||
            (i % ((uint64_t)UNIT * UNITS_PER_SYNC) == 0 && !log_sync(l, &err)))
            die(&err);
    }
    if (!log_commit(l, &err) || !log_sync(l, &err))
        die(&err);
}

static uint64_t read_all(struct log *l)
{
    struct log_reader *r;
    struct log_record record;
    struct log_stats stats;
    struct error err = { 0 };
    uint64_t count = 0;
    bool found = true;

    log_stats(l, &stats);
    if (!log_reader_open(l, stats.oldest, &r, &err))
        die(&err);
    while (found) {
        if (!log_read(r, &record, &found, &err))
            die(&err);
        count += found ? 1 : 0;
    }
    log_reader_close(r);
    return count;
}

int main(int argc, char **argv)
{
    uint64_t records = 2000000;
    struct log_opts opts = { .ops = &file_posix, .clock = &clock_system };
    struct error err = { 0 };
    int64_t start_us;
    struct log *l;
    double took;

    if (argc < 2 || (argc > 2 && !str_to_u64(str_from(argv[2]), &records))) {
        (void)fprintf(stderr, "usage: bench_log DIR [RECORDS]\n");
        return 2;
    }
    opts.dir = argv[1];
    if (!log_open(&opts, &l, NULL, &err))
        die(&err);
    start_us = clock_mono_us(&clock_system);
    append_all(l, records);
    took = (double)(clock_mono_us(&clock_system) - start_us) / 1e6;
    (void)printf("append+sync  %.0f records/s\n", (double)records / took);
    start_us = clock_mono_us(&clock_system);
    records = read_all(l);
    took = (double)(clock_mono_us(&clock_system) - start_us) / 1e6;
    (void)printf("read         %.0f records/s\n", (double)records / took);
    log_close(l);
    return 0;
}
