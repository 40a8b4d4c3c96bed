/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes on their way:
 *
 *     requests -> out -(v5: segments)-> framed -> socket -> raw -(v5: segments)-> plain -> envelopes
 *
 * v4, and v5 before its start is over, leave out the middle step: `out` is sent and `raw` is parsed as
 * they are. Many requests collect in `out` before one flush, so that a thousand rows cost a few
 * system calls.
 */
#include "cql/conn.h"

#include "base/limits.h"
#include "base/mem.h"
#include "cql/request.h"
#include "cql/segment.h"
#include "cql/streams.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>

#define READ_ONCE  (64 * KIB)
#define FILL_MAX   (256 * KIB)
#define KEEP_BYTES (1 * MIB)
/* `in` holds at most one envelope that is not whole yet and what one fill brings behind it. */
#define IN_MAX (LIMIT_CQL_REPLY + CQL_WIRE_HEADER + FILL_MAX + READ_ONCE)
/* `out` takes requests until the sender finds it full enough; one of them may be as large as allowed. */
#define OUT_MAX (LIMIT_CQL_REQUEST + 16 * MIB)

#define TAG_CALL UINT64_MAX

struct cql_conn {
    struct net_conn *net; /* owned */
    const struct clock *clock;
    int stop_fd;
    unsigned version;
    bool segments;

    struct buf out;    /* envelopes not yet framed; bare: not yet sent */
    struct buf framed; /* v5: segments not yet sent */
    size_t sent;       /* of what is being sent */

    struct buf raw;
    struct buf plain;
    size_t parsed; /* of what is being parsed */
    struct cql_unsegment unsegment;

    struct cql_streams streams;
    int64_t read_us;
    bool news;
    bool broken;
};

struct cql_conn *cql_conn_new(struct net_conn *net, unsigned version, unsigned in_flight_max,
                              int stop_fd, const struct clock *clock)
{
    struct cql_conn *c = mem_zalloc(1, sizeof *c);

    assert(in_flight_max <= LIMIT_CQL_IN_FLIGHT);
    *c = (struct cql_conn){ .net = net,
                            .clock = clock,
                            .stop_fd = stop_fd,
                            .version = version,
                            .read_us = clock_mono_us(clock) };
    buf_init(&c->out, OUT_MAX);
    buf_init(&c->framed, OUT_MAX + OUT_MAX / 64);
    buf_init(&c->raw, IN_MAX);
    buf_init(&c->plain, IN_MAX);
    cql_streams_init(&c->streams, in_flight_max);
    return c;
}

void cql_conn_close(struct cql_conn *c)
{
    if (c == NULL)
        return;
    net_close(c->net);
    buf_done(&c->out);
    buf_done(&c->framed);
    buf_done(&c->raw);
    buf_done(&c->plain);
    cql_streams_done(&c->streams);
    free(c);
}

void cql_conn_use_segments(struct cql_conn *c)
{
    assert(!c->segments && cql_conn_waiting(c) == 0);
    c->segments = true;
    buf_consume(&c->raw, c->parsed);
    c->parsed = 0;
}

unsigned cql_conn_version(const struct cql_conn *c)
{
    return c->version;
}

void cql_conn_set_version(struct cql_conn *c, unsigned version)
{
    assert(!c->segments);
    c->version = version;
}

const char *cql_conn_peer(const struct cql_conn *c)
{
    return net_peer(c->net);
}

int cql_conn_fd(const struct cql_conn *c)
{
    return net_fd(c->net);
}

short cql_conn_events(const struct cql_conn *c)
{
    return net_events(c->net, cql_conn_waiting(c) > 0);
}

/* ---- stream ids ---- */

int cql_conn_stream(struct cql_conn *c, uint64_t tag, int64_t now_us)
{
    assert(tag > 0 && tag != TAG_CALL);
    return cql_streams_take(&c->streams, tag, now_us);
}

bool cql_conn_expire(struct cql_conn *c, int64_t before_us, uint64_t *ret_tag)
{
    return cql_streams_expire(&c->streams, before_us, ret_tag);
}

bool cql_conn_abandon(struct cql_conn *c, uint64_t *ret_tag)
{
    return cql_conn_expire(c, INT64_MAX, ret_tag);
}

bool cql_conn_worn(const struct cql_conn *c)
{
    return c->streams.orphans >= CQL_CONN_ORPHANS_MAX;
}

unsigned cql_conn_in_flight(const struct cql_conn *c)
{
    return c->streams.in_flight;
}

/* ---- sending ---- */

struct buf *cql_conn_out(struct cql_conn *c)
{
    return &c->out;
}

size_t cql_conn_waiting(const struct cql_conn *c)
{
    return c->out.n + c->framed.n - c->sent;
}

static bool flush(struct cql_conn *c, bool *ret_any, struct error *err)
{
    struct buf *b = c->segments ? &c->framed : &c->out;

    *ret_any = false;
    for (;;) {
        size_t n;

        if (c->segments && b->n == 0 && c->out.n > 0) {
            cql_segment_put(b, buf_view(&c->out));
            buf_shrink(&c->out, KEEP_BYTES);
        }
        if (!buf_ok(b) || !buf_ok(&c->out))
            return error_set(err, ERR_RETRY, E_CQL_PROTOCOL,
                             "cannot send to %s: more bytes are waiting than may be kept",
                             net_peer(c->net));
        if (b->n == 0)
            return true;
        if (!net_try_write(c->net, b->p + c->sent, b->n - c->sent, &n, err))
            return false;
        if (n == 0)
            return true;
        *ret_any = true;
        c->sent += n;
        if (c->sent == b->n) {
            buf_shrink(b, KEEP_BYTES);
            c->sent = 0;
        }
    }
}

bool cql_conn_flush(struct cql_conn *c, bool *ret_any, struct error *err)
{
    return flush(c, ret_any, err) || cql_conn_break(c);
}

void cql_conn_wipe(struct cql_conn *c)
{
    assert(cql_conn_waiting(c) == 0);
    if (c->out.p != NULL)
        explicit_bzero(c->out.p, c->out.cap);
    if (c->framed.p != NULL)
        explicit_bzero(c->framed.p, c->framed.cap);
}

/* ---- receiving ---- */

static struct buf *parsed_buf(struct cql_conn *c)
{
    return c->segments ? &c->plain : &c->raw;
}

static bool unsegment(struct cql_conn *c, struct error *err)
{
    size_t taken;

    if (!c->segments)
        return true;
    if (!cql_segment_take(&c->unsegment, buf_view(&c->raw), &c->plain, &taken, err))
        return error_wrap(err, "%s", net_peer(c->net));
    buf_consume(&c->raw, taken);
    return true;
}

static bool fill(struct cql_conn *c, int64_t now_us, bool *ret_any, struct error *err)
{
    size_t all = 0;
    size_t n = 0;

    buf_consume(parsed_buf(c), c->parsed);
    c->parsed = 0;
    do {
        char *to = buf_reserve(&c->raw, READ_ONCE);

        if (to == NULL)
            return error_set(err, ERR_RETRY, E_CQL_PROTOCOL,
                             "cannot read from %s: more bytes came than may be kept",
                             net_peer(c->net));
        if (!net_try_read(c->net, to, READ_ONCE, &n, err))
            return false;
        buf_added(&c->raw, n);
        all += n;
    } while (n == READ_ONCE && all < FILL_MAX);
    *ret_any = all > 0;
    if (all > 0)
        c->read_us = now_us;
    return unsegment(c, err);
}

bool cql_conn_fill(struct cql_conn *c, int64_t now_us, bool *ret_any, struct error *err)
{
    return fill(c, now_us, ret_any, err) || cql_conn_break(c);
}

/* An answer to a request that is in flight goes to the user, everything else ends here. */
static bool accept(struct cql_conn *c, const struct cql_envelope *e, struct cql_answer *answer,
                   bool *ret_mine, struct error *err)
{
    struct cql_stream stream;

    *ret_mine = false;
    if (e->stream == -1) {
        c->news = true;
        return true;
    }
    if (!cql_streams_give_back(&c->streams, e->stream, &stream))
        return error_set(err, ERR_RETRY, E_CQL_PROTOCOL,
                         "cannot read from %s: an answer on stream %d, on which nothing was asked",
                         net_peer(c->net), e->stream);
    if (stream.state == CQL_STREAM_USED) {
        *answer =
            (struct cql_answer){ .tag = stream.tag, .sent_us = stream.sent_us, .envelope = *e };
        *ret_mine = true;
    }
    return true;
}

static bool next(struct cql_conn *c, struct cql_answer *ret_answer, bool *ret_found,
                 struct error *err)
{
    struct buf *b = parsed_buf(c);

    *ret_found = false;
    while (!*ret_found) {
        struct cql_envelope e;
        struct str in;
        size_t size;

        if (b->n == c->parsed) /* nothing, and maybe not even an address */
            return true;
        in = str_make(b->p + c->parsed, b->n - c->parsed);
        if (!cql_wire_take(in, &e, &size, err))
            return error_wrap(err, "%s", net_peer(c->net));
        if (size == 0)
            return true;
        c->parsed += size;
        if (!accept(c, &e, ret_answer, ret_found, err))
            return false;
    }
    return true;
}

bool cql_conn_next(struct cql_conn *c, struct cql_answer *ret_answer, bool *ret_found,
                   struct error *err)
{
    return next(c, ret_answer, ret_found, err) || cql_conn_break(c);
}

bool cql_conn_news(struct cql_conn *c)
{
    bool news = c->news;

    c->news = false;
    return news;
}

/* ---- time ---- */

int64_t cql_conn_read_us(const struct cql_conn *c)
{
    return c->read_us;
}

bool cql_conn_broken(const struct cql_conn *c)
{
    return c->broken;
}

bool cql_conn_break(struct cql_conn *c)
{
    c->broken = true;
    return false;
}

/* ---- one request at a time ---- */

/* `busy`: bytes came just now, so look only at the time and the stop fd. */
static bool wait_ready(struct cql_conn *c, bool busy, int64_t deadline_us, struct error *err)
{
    struct pollfd fds[2] = { { .fd = cql_conn_fd(c), .events = cql_conn_events(c) },
                             { .fd = c->stop_fd, .events = POLLIN } };
    int left = clock_left_ms(c->clock, deadline_us, INT_MAX);

    if (poll(fds, 2, busy ? 0 : left) < 0 && errno != EINTR)
        return error_sys(err, ERR_STOP, E_SYS_RESOURCE, errno, "cannot wait for %s",
                         net_peer(c->net));
    if ((fds[1].revents & POLLIN) != 0)
        return error_cancel(err);
    if (left == 0)
        return error_set(err, ERR_RETRY, E_CQL_TIMEOUT, "cannot talk to %s: no answer in time",
                         net_peer(c->net));
    return true;
}

bool cql_conn_call(struct cql_conn *c, cql_conn_write_fn *write, const void *arg,
                   int64_t deadline_us, struct cql_envelope *ret_envelope, struct error *err)
{
    int id = cql_streams_take(&c->streams, TAG_CALL, clock_mono_us(c->clock));
    struct cql_answer answer;

    assert(id >= 0 && c->streams.in_flight == 1);
    write(&c->out, c->version, (uint16_t)id, arg);
    for (;;) {
        bool sent = false;
        bool any = false;
        bool found = false;

        if (!cql_conn_flush(c, &sent, err) ||
            !cql_conn_fill(c, clock_mono_us(c->clock), &any, err) ||
            !cql_conn_next(c, &answer, &found, err))
            return false;
        if (found) {
            assert(answer.tag == TAG_CALL);
            *ret_envelope = answer.envelope;
            return true;
        }
        if (!wait_ready(c, any, deadline_us, err))
            return cql_conn_break(c);
    }
}
