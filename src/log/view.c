/* SPDX-License-Identifier: Apache-2.0 */
#include "log/view.h"

#include "log/segment.h"

enum { KEEP = 1024 * 1024 };

void view_init(struct view *v, const struct file_ops *ops, size_t ahead)
{
    *v = (struct view){ .ops = ops, .fd = -1, .ahead = ahead };
    buf_init(&v->window, SEGMENT_PAYLOAD_MAX + SEGMENT_BATCH_HEADER + ahead);
}

void view_done(struct view *v)
{
    buf_done(&v->window);
}

void view_reset(struct view *v, int fd)
{
    v->fd = fd;
    v->from = 0;
    buf_clear(&v->window);
}

static bool holds(const struct view *v, uint64_t at, size_t n)
{
    return at >= v->from && at - v->from <= v->window.n && v->window.n - (at - v->from) >= n;
}

/* Moves the window so that it begins at `at` and holds n bytes or what there is. */
static bool fill(struct view *v, uint64_t at, size_t n, uint64_t end)
{
    size_t want = n > v->ahead ? n : v->ahead;
    size_t got = 0;
    size_t kept;
    char *to;

    if (want > end - at)
        want = (size_t)(end - at);
    if (holds(v, at, 0)) {
        buf_consume(&v->window, (size_t)(at - v->from));
    } else if (want <= KEEP) {
        buf_shrink(&v->window, KEEP);
    } else {
        buf_clear(&v->window);
    }
    v->from = at;
    kept = v->window.n;
    if (kept >= want)
        return true;
    to = buf_reserve(&v->window, want - kept);
    if (!file_read_at(v->ops, v->fd, to, want - kept, (off_t)(at + kept), &got))
        return false;
    buf_added(&v->window, got);
    return true;
}

bool view_get(struct view *v, uint64_t at, size_t n, uint64_t end, const unsigned char **ret_p)
{
    *ret_p = NULL;
    if (at > end || n > end - at)
        return true;
    if (!holds(v, at, n) && !fill(v, at, n, end))
        return false;
    if (holds(v, at, n))
        *ret_p = (const unsigned char *)v->window.p + (at - v->from);
    return true;
}
