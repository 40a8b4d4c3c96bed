/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log on a disk that crashes at every call of a run, and on one where every call fails once. After
 * each: what was synced is there, what is there is whole units in order, nothing is invented, and the
 * log can be written on.
 *
 * MULTISINK_SIM_SEEDS and MULTISINK_SIM_UNITS make it longer.
 */
#include "sim/work.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t from_env(const char *name, uint64_t fallback)
{
    const char *text = getenv(name); /* NOLINT(concurrency-mt-unsafe): one thread */
    uint64_t value;

    return text != NULL && str_to_u64(str_from(text), &value) && value > 0 ? value : fallback;
}

struct run {
    uint64_t seed;
    uint64_t at; /* call that crashes or fails; 0: none */
    enum disk_fault fault;
    enum disk_crash how;
};

static void blame(const struct run *run, const char *what, const struct error *err)
{
    fail_msg("%s: %s (seed %llu, call %llu, fault %d, crash %d)", what, err->msg,
             (unsigned long long)run->seed, (unsigned long long)run->at, (int)run->fault,
             (int)run->how);
}

static void check(const struct run *run, struct work *w, struct log *l)
{
    struct error none = { 0 };
    uint64_t first;
    uint64_t units;
    const char *wrong = work_check(l, &first, &units);

    if (wrong != NULL)
        blame(run, wrong, &none);
    if (units < w->synced)
        blame(run, "synced units are gone", &none);
    if (units > w->unit + 1)
        blame(run, "units were invented", &none);
    if (!w->retains && units > 0 && first != 0)
        blame(run, "the first units are gone", &none);
    w->unit = w->synced = w->in_unit = units;
    w->in_next = 0;
}

/* Opens what a crash left, checks it, writes on, and checks again. */
static void check_after(const struct run *run, struct work *w, struct disk *d)
{
    for (int round = 0; round < 2; round++) {
        struct log_opts opts = work_opts(w, disk_ops(d));
        struct error err = { 0 };
        struct log *l;

        w->fatal = false;
        if (!log_open(&opts, &l, NULL, &err))
            blame(run, "the log does not open", &err);
        check(run, w, l);
        work_run(w, l, 12);
        assert_false(w->fatal);
        check(run, w, l);
        log_close(l);
        assert_int_equal(disk_open_count(d), 0);
        disk_restart(d, run->how);
    }
}

/* Returns the number of calls that the run made before it ended. */
static uint64_t run_once(const struct run *run, uint64_t units)
{
    struct work w = { .seed = run->seed, .retains = run->seed % 2 == 1 };
    struct disk *d = disk_new(run->seed * 7919 + run->at);
    struct log_opts opts = work_opts(&w, disk_ops(d));
    struct error err = { 0 };
    struct log *l;
    uint64_t calls;

    if (run->at > 0 && run->fault == DISK_NO_FAULT)
        disk_crash_at(d, run->at);
    if (run->fault != DISK_NO_FAULT)
        disk_fault_at(d, run->at, run->fault);
    if (log_open(&opts, &l, NULL, &err)) {
        work_run(&w, l, units);
        /* A sync that failed ends the process, whatever the call was. */
        if (disk_sync_failed(d) && !disk_crashed(d))
            assert_true(w.fatal && w.fatal_kind == ERR_CORRUPT);
        if (run->at == 0)
            assert_false(w.fatal);
        log_close(l);
    }
    calls = disk_calls(d);
    disk_restart(d, run->how);
    check_after(run, &w, d);
    disk_free(d);
    return calls;
}

static void every_crash_leaves_whole_units_and_all_that_was_synced(void **state)
{
    uint64_t seeds = from_env("MULTISINK_SIM_SEEDS", 1);
    uint64_t units = from_env("MULTISINK_SIM_UNITS", 25);

    (void)state;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        uint64_t calls = run_once(&(struct run){ seed, 0, DISK_NO_FAULT, DISK_LOSE }, units);

        for (uint64_t at = 1; at <= calls; at++) {
            for (int how = 0; how < DISK_CRASHES; how++)
                (void)run_once(&(struct run){ seed, at, DISK_NO_FAULT, (enum disk_crash)how },
                               units);
        }
    }
}

static void every_failing_call_loses_nothing_that_was_synced(void **state)
{
    uint64_t seeds = from_env("MULTISINK_SIM_SEEDS", 1);
    uint64_t units = from_env("MULTISINK_SIM_UNITS", 25);

    (void)state;
    for (uint64_t seed = 11; seed < 11 + seeds; seed++) {
        uint64_t calls = run_once(&(struct run){ seed, 0, DISK_NO_FAULT, DISK_LOSE }, units);

        for (uint64_t at = 1; at <= calls; at++) {
            for (int fault = DISK_ENOSPC; fault < DISK_FAULTS; fault++) {
                enum disk_crash how = (enum disk_crash)((at + (uint64_t)fault) % DISK_CRASHES);

                (void)run_once(&(struct run){ seed, at, (enum disk_fault)fault, how }, units);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_crash_leaves_whole_units_and_all_that_was_synced),
        cmocka_unit_test(every_failing_call_loses_nothing_that_was_synced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
