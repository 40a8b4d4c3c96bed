/* SPDX-License-Identifier: Apache-2.0 */
/* Retention, on a disk that can be told to fail, with a clock of its own. No thread is started. */
#include "unit/pipeline/fixture.h"

#include "base/file.h"
#include "base/limits.h"
#include "pipeline/supervisor.h"
#include "sink/sink.h"

#include <errno.h>

static int64_t now_us;
static bool fsync_fails;
static unsigned fsyncs_failed;

static int64_t get_now(const struct clock *c)
{
    (void)c;
    return now_us;
}

static const struct clock test_clock = { .real_us = get_now, .mono_us = get_now };

static int test_fsync(void *ctx, int fd)
{
    if (!fsync_fails)
        return file_posix.fsync(ctx, fd);
    fsyncs_failed++;
    errno = EIO;
    return -1;
}

struct world {
    struct config config;
    struct config_sink sink;
    const char *names[1];
    struct file_ops ops;
    struct supervisor *s;
    uint64_t lsn;
};

static void open_world(struct world *w, const char *dir)
{
    struct supervisor_opts opts;
    struct error err;

    now_us = 1000000;
    fsync_fails = false;
    fsyncs_failed = 0;
    *w = (struct world){ .names = { "public.t" }, .ops = file_posix };
    w->ops.fsync = test_fsync;
    w->sink = (struct config_sink){ .name = "s",
                                    .type = &sink_config_kinds()->sinks[0],
                                    .pause = true,
                                    .from = { .count = 1, .items = w->names } };
    w->config = (struct config){ .name = "p", .sinks = &w->sink, .sink_count = 1 };
    w->config.stream.dir = dir;
    w->config.stream.segment = MIB;
    w->config.stream.max_size = 4 * MIB;
    w->config.stream.keep_ms = (int64_t)7 * 86400 * 1000;
    opts = (struct supervisor_opts){ .config = &w->config, .clock = &test_clock, .ops = &w->ops };
    assert_ok(supervisor_open(&opts, &w->s, &err), err);
}

/* About two MiB, and the paused sink is said to have come behind it, or not. */
static void grow(struct world *w, bool delivered)
{
    for (unsigned i = 0; i < 20; i++) {
        w->lsn += 100;
        fixture_append(w->s->stream, w->lsn, 1, 4000);
    }
    if (delivered) {
        progress_edit_sink(&w->s->delivers[0].progress)->position =
            (struct position){ 1, 4000, { w->lsn } };
        progress_release(&w->s->delivers[0].progress);
    }
}

static uint64_t bytes(struct world *w)
{
    struct stream_stats stats;

    w->s->stream->ops->stats(w->s->stream, &stats);
    return stats.bytes;
}

static enum supervisor_verdict ticks(struct world *w, int seconds)
{
    enum supervisor_verdict verdict = SUPERVISOR_GOES_ON;

    for (int i = 0; i < seconds && verdict == SUPERVISOR_GOES_ON; i++) {
        now_us += 1100000;
        verdict = supervisor_tick(w->s);
    }
    return verdict;
}

static void what_every_sink_has_goes_at_max_size_whatever_keep_says(void **state)
{
    struct world w;

    open_world(&w, *state);
    for (int i = 0; i < 6; i++)
        grow(&w, true);
    assert_true(bytes(&w) > w.config.stream.max_size);
    (void)ticks(&w, 3);
    assert_true(bytes(&w) < w.config.stream.max_size);
    /* Below it, keep counts. */
    assert_true(bytes(&w) > w.config.stream.max_size / 2);
    supervisor_close(w.s);
}

static void invariant_5_what_a_paused_sink_needs_stays_at_max_size(void **state)
{
    struct world w;
    uint64_t before;

    open_world(&w, *state);
    for (int i = 0; i < 6; i++)
        grow(&w, false);
    before = bytes(&w);
    (void)ticks(&w, 5);
    assert_int_equal(bytes(&w), before);
    supervisor_close(w.s);
}

static void invariant_7_a_failed_fsync_of_retention_ends_it_and_is_not_tried_again(void **state)
{
    struct world w;

    open_world(&w, *state);
    for (int i = 0; i < 6; i++)
        grow(&w, true);
    fsync_fails = true;
    assert_int_equal(ticks(&w, 5), SUPERVISOR_DEAD);
    assert_int_equal(fsyncs_failed, 1);
    supervisor_close(w.s);
}

static void invariant_7_a_failed_fsync_of_the_capture_ends_it(void **state)
{
    struct world w;
    struct error err;

    open_world(&w, *state);
    (void)error_set(&err, ERR_CORRUPT, E_SYS_FSYNC, "cannot sync");
    progress_capture_failed(&w.s->capture.progress, PROGRESS_FAILED, &err, now_us);
    assert_int_equal(ticks(&w, 1), SUPERVISOR_DEAD);
    supervisor_close(w.s);
}

static void invariant_7_a_failed_fsync_of_a_sinks_state_ends_it(void **state)
{
    struct world w;
    struct error err;

    open_world(&w, *state);
    (void)error_set(&err, ERR_CORRUPT, E_SYS_FSYNC, "cannot sync");
    progress_sink_failed(&w.s->delivers[0].progress, PROGRESS_FAILED, &err, now_us);
    assert_int_equal(ticks(&w, 1), SUPERVISOR_DEAD);
    supervisor_close(w.s);
}

static void a_capture_that_failed_waits_for_the_sinks_that_are_behind(void **state)
{
    struct world w;
    struct error err;

    open_world(&w, *state);
    (void)error_set(&err, ERR_STOP, E_SLOT_MISSING, "gone");
    progress_capture_failed(&w.s->capture.progress, PROGRESS_FAILED, &err, now_us);
    progress_edit_sink(&w.s->delivers[0].progress)->state = PROGRESS_RETRYING;
    progress_release(&w.s->delivers[0].progress);
    assert_int_equal(ticks(&w, 2), SUPERVISOR_GOES_ON);
    progress_edit_sink(&w.s->delivers[0].progress)->state = PROGRESS_RUNNING;
    progress_release(&w.s->delivers[0].progress);
    assert_int_equal(ticks(&w, 1), SUPERVISOR_DRAINED);
    supervisor_close(w.s);
}

/* Else a sink without a position would be sent all of the log once more. */
static void without_its_state_a_log_with_changes_is_refused_before_any_sink_starts(void **state)
{
    struct supervisor_opts opts;
    struct supervisor *s;
    struct error err;
    struct world w;

    open_world(&w, *state);
    opts = w.s->opts;
    grow(&w, false);
    supervisor_close(w.s);
    assert_code(supervisor_open(&opts, &s, &err), err, E_STATE_BAD);
    opts.resnapshot = true;
    assert_ok(supervisor_open(&opts, &s, &err), err);
    supervisor_close(s);
}

#define WITH_DIRECTORY(test)                                                                       \
    cmocka_unit_test_setup_teardown(test, fixture_directory, fixture_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(what_every_sink_has_goes_at_max_size_whatever_keep_says),
        WITH_DIRECTORY(invariant_5_what_a_paused_sink_needs_stays_at_max_size),
        WITH_DIRECTORY(invariant_7_a_failed_fsync_of_retention_ends_it_and_is_not_tried_again),
        WITH_DIRECTORY(invariant_7_a_failed_fsync_of_the_capture_ends_it),
        WITH_DIRECTORY(invariant_7_a_failed_fsync_of_a_sinks_state_ends_it),
        WITH_DIRECTORY(without_its_state_a_log_with_changes_is_refused_before_any_sink_starts),
        WITH_DIRECTORY(a_capture_that_failed_waits_for_the_sinks_that_are_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
