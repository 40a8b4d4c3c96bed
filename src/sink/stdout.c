/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One JSON line per change on standard output, for trying things out. Durable means: given to whoever
 * reads the other end. A reader that stops reading for a while holds the sink back, never the process:
 * each piece is written only when it fits, and the stop fd is looked at while waiting.
 */
#include "base/limits.h"
#include "base/mem.h"
#include "base/wake.h"
#include "process/rowjson.h"
#include "sink/sink.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

/* A pipe that is ready takes PIPE_BUF bytes without blocking (pipe(7)); POSIX has it at least 512,
 * Linux at 4096. */
enum { PIECE = 4096 };

/* Lines are handed on when this much has come together. */
#define LINES_FULL (64 * KIB)

struct sink {
    int stop_fd;
    struct buf lines;
};

static const struct config_key keys[] = { { .name = NULL } };

static bool stdout_open(const void *conf, const struct sink_env *env, struct sink **ret_sink,
                        struct error *err)
{
    struct sink *s = mem_zalloc(1, sizeof *s);

    (void)conf;
    (void)err;
    s->stop_fd = env->stop_fd;
    buf_init(&s->lines, LINES_FULL + 2 * LIMIT_PG_MESSAGE);
    *ret_sink = s;
    return true;
}

static void stdout_close(struct sink *s)
{
    if (s == NULL)
        return;
    buf_done(&s->lines);
    free(s);
}

static bool wait_writable(const struct sink *s, struct error *err)
{
    struct pollfd fds[2] = { { .fd = STDOUT_FILENO, .events = POLLOUT },
                             { .fd = s->stop_fd, .events = POLLIN } };

    while (poll(fds, 2, -1) < 0) {
        if (errno != EINTR)
            return error_sys(err, ERR_STOP, E_STDOUT_WRITE, errno,
                             "cannot write to standard output");
    }
    if ((fds[0].revents & ~POLLIN) == 0)
        return error_cancel(err);
    return true;
}

static bool write_lines(struct sink *s, struct error *err)
{
    struct str left = buf_view(&s->lines);

    while (left.n > 0) {
        ssize_t n;

        if (!wait_writable(s, err))
            return false;
        n = write(STDOUT_FILENO, left.p, left.n < PIECE ? left.n : PIECE);
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return error_sys(err, ERR_STOP, E_STDOUT_WRITE, errno,
                             "cannot write to standard output");
        if (n > 0)
            left = str_make(left.p + n, left.n - (size_t)n);
    }
    buf_shrink(&s->lines, 4 * LINES_FULL);
    return true;
}

static bool stdout_write(struct sink *s, const struct batch *b, struct sink_result *res,
                         struct error *err)
{
    (void)res;
    buf_clear(&s->lines);
    for (size_t i = 0; i < b->count; i++) {
        rowjson_change(&b->changes[i], &s->lines);
        buf_u8(&s->lines, '\n');
        if (!buf_ok(&s->lines)) {
            return error_set(err, ERR_STOP, E_SYS_LIMIT,
                             "cannot print a change of table \"%.*s\": its JSON passes %zu bytes",
                             (int)b->changes[i].rel->table.n, b->changes[i].rel->table.p,
                             s->lines.limit);
        }
        if (s->lines.n >= LINES_FULL && !write_lines(s, err))
            return false;
    }
    return write_lines(s, err);
}

const struct sink_ops sink_stdout_ops = {
    .name = "stdout",
    .help = "One JSON line per change on standard output, for trying things out.",
    .keys = keys,
    .open = stdout_open,
    .write = stdout_write,
    .close = stdout_close,
};
