/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Torn or corrupt? Pages that were not synced may reach the disk in any order, so a bad batch with good
 * ones behind it is by itself no corruption. What tells them apart is what the log says of itself:
 *   - every batch header carries synced_upto: all below that was durable;
 *   - a segment is begun only when all of the one before it is durable: a good segment header says that
 *     everything below its base was.
 * A bad place below the largest such claim, wherever the claim stands, is corruption. Above it is the
 * tail that a crash tore. Claims behind the bad place are found by searching for batch headers, which
 * have a magic, a checksum and their own position in them.
 */
#include "log/walk.h"

#include "base/crc32c.h"
#include "base/mem.h"
#include "log/segment.h"
#include "log/view.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#define READ_AHEAD (512 * KIB)

enum { PATH_SIZE = 4096 };

struct walker {
    const char *dir;
    const struct file_ops *ops;
    struct walk *w;
    struct view view;
    uint64_t verify_from; /* records above this position are checked */
    uint32_t link;        /* of the last whole batch */
    bool link_known;      /* not at the start of a log whose first segments were removed */
    uint64_t begun;       /* largest base of a good segment header: all below was durable */
    /* The first bad place. */
    uint64_t bad_base; /* segment */
    uint64_t bad_at;   /* offset in its file */
    const char *why;
};

static bool add_segment(void *arg, const char *name)
{
    struct walk *w = arg;
    uint64_t base;

    if (!segment_name_parse(name, &base))
        return true;
    w->segments = mem_resize(w->segments, w->count + 1, sizeof *w->segments);
    w->segments[w->count++] = (struct walk_segment){ .base = base };
    return true;
}

static int by_base(const void *a, const void *b)
{
    const struct walk_segment *x = a;
    const struct walk_segment *y = b;

    return (x->base > y->base) - (x->base < y->base);
}

static const char *path_of(const struct walker *k, uint64_t base, char path[PATH_SIZE])
{
    char name[SEGMENT_NAME];

    segment_name(base, name);
    (void)snprintf(path, PATH_SIZE, "%s/%s", k->dir, name);
    return path;
}

static bool read_failed(const struct walker *k, uint64_t base, struct error *err)
{
    char path[PATH_SIZE];

    return error_sys(err, ERR_STOP, E_SYS_FILE, errno, "cannot read %s", path_of(k, base, path));
}

static void mark_bad(struct walker *k, uint64_t base, uint64_t at, const char *why)
{
    if (k->why != NULL)
        return;
    k->bad_base = base;
    k->bad_at = at;
    k->why = why;
    k->w->torn = true;
}

static void claim(struct walker *k, uint64_t synced_upto)
{
    if (synced_upto > k->w->synced)
        k->w->synced = synced_upto;
}

/* Looks for batch headers from `at` to the end of the file, for what they say was durable. */
static bool search_claims(struct walker *k, const struct walk_segment *s, uint64_t at,
                          struct error *err)
{
    const uint32_t magic = SEGMENT_BATCH_MAGIC;

    while (at + SEGMENT_BATCH_HEADER <= s->size) {
        size_t n = s->size - at < READ_AHEAD ? (size_t)(s->size - at) : READ_AHEAD;
        const unsigned char *p;
        const unsigned char *hit;
        struct segment_batch b;

        if (!view_get(&k->view, at, n, s->size, &p))
            return read_failed(k, s->base, err);
        if (p == NULL)
            return true;
        hit = memmem(p, n, &magic, sizeof magic);
        if (hit == NULL || (size_t)(hit - p) + SEGMENT_BATCH_HEADER > n) {
            /* Step back far enough for a header that lies across the end of this piece. */
            at += n == READ_AHEAD ? n - SEGMENT_BATCH_HEADER + 1 : n;
            continue;
        }
        at += (uint64_t)(hit - p);
        if (segment_batch_decode(hit, &b) && b.pos == s->base + at && b.synced_upto <= b.pos)
            claim(k, b.synced_upto);
        at++;
    }
    return true;
}

/* Why the batch at `at` cannot be taken, or NULL. *ret_failed: the file could not be read. */
static const char *check_batch(struct walker *k, const struct walk_segment *s, uint64_t at,
                               struct segment_batch *b, bool *ret_failed)
{
    const unsigned char *p;
    uint64_t end;

    *ret_failed = !view_get(&k->view, at, SEGMENT_BATCH_HEADER, s->size, &p);
    if (*ret_failed || p == NULL)
        return "a batch header is cut short";
    if (!segment_batch_decode(p, b))
        return "a batch header is damaged";
    if (b->pos != s->base + at || b->synced_upto > b->pos)
        return "a batch is in the wrong place";
    claim(k, b->synced_upto);
    if (k->link_known && b->link != k->link)
        return "a batch does not follow the one before it";
    end = at + SEGMENT_BATCH_HEADER + b->payload_n;
    if (end > s->size)
        return "a batch is cut short";
    if (s->base + end <= k->verify_from)
        return NULL;
    *ret_failed = !view_get(&k->view, at, SEGMENT_BATCH_HEADER + (size_t)b->payload_n, s->size, &p);
    if (*ret_failed || p == NULL)
        return "a batch is cut short";
    if (crc32c(0, p + SEGMENT_BATCH_HEADER, b->payload_n) != b->payload_crc)
        return "the records of a batch are damaged";
    if (!segment_payload_ok(str_make(p + SEGMENT_BATCH_HEADER, b->payload_n), b->record_count))
        return "the records of a batch do not decode";
    return NULL;
}

static bool walk_batches(struct walker *k, const struct walk_segment *s, struct error *err)
{
    uint64_t at = SEGMENT_HEADER;

    while (at < s->size) {
        struct segment_batch b;
        bool failed = false;
        const char *why = check_batch(k, s, at, &b, &failed);

        if (failed)
            return read_failed(k, s->base, err);
        if (why != NULL) {
            mark_bad(k, s->base, at, why);
            return search_claims(k, s, at + 1, err);
        }
        at += SEGMENT_BATCH_HEADER + b.payload_n;
        k->link = b.crc;
        k->link_known = true;
        k->w->end = s->base + at;
        k->w->batches++;
        k->w->records += b.record_count;
        if ((b.flags & SEGMENT_COMMIT) != 0) {
            k->w->commit_end = k->w->end;
            k->w->commit_link = k->link;
        }
    }
    return true;
}

/* Does a segment begin where the one before it ended? A crash cannot make it otherwise, whatever became
 * of its header: the name is made when all before it is durable. */
static bool check_place(struct walker *k, size_t i, struct error *err)
{
    char path[PATH_SIZE];
    uint64_t base = k->w->segments[i].base;

    if (k->why != NULL || i == 0 || base == k->w->end)
        return true;
    if (base > k->w->end) {
        return error_set(err, ERR_CORRUPT, E_LOG_SEGMENT_MISSING,
                         "cannot use the log in %s: nothing holds the bytes from %llu to %llu, "
                         "where %016llx.seg begins",
                         k->dir, (unsigned long long)k->w->end, (unsigned long long)base,
                         (unsigned long long)base);
    }
    return error_set(err, ERR_CORRUPT, E_LOG_SEGMENT_SWAPPED,
                     "cannot use %s: the segment before it ends at %llu", path_of(k, base, path),
                     (unsigned long long)k->w->end);
}

/* Is a good header the one that belongs to this name, and to the log before it? */
static bool check_header(struct walker *k, uint64_t base, const struct segment_header *h,
                         struct error *err)
{
    char path[PATH_SIZE];

    if (h->base != base) {
        return error_set(err, ERR_CORRUPT, E_LOG_SEGMENT_SWAPPED,
                         "cannot use %s: by its header it begins at %llu, by its name at %llu",
                         path_of(k, base, path), (unsigned long long)h->base,
                         (unsigned long long)base);
    }
    if (k->why == NULL && k->link_known && h->link != k->link)
        return error_set(err, ERR_CORRUPT, E_LOG_SEGMENT_SWAPPED,
                         "cannot use %s: it does not continue the segment before it",
                         path_of(k, base, path));
    return true;
}

static bool walk_open_segment(struct walker *k, size_t i, struct error *err)
{
    struct walk_segment *s = &k->w->segments[i];
    struct segment_header h;
    enum segment_header_state state = SEGMENT_HEADER_BAD;
    const unsigned char *p;
    char path[PATH_SIZE];

    if (!view_get(&k->view, 0, SEGMENT_HEADER, s->size, &p))
        return read_failed(k, s->base, err);
    if (p != NULL)
        state = segment_header_decode(p, &h);
    if (state == SEGMENT_HEADER_NEWER) {
        return error_set(err, ERR_STOP, E_LOG_VERSION,
                         "cannot use %s: it was written by a newer multisink (this one knows "
                         "format version %d)",
                         path_of(k, s->base, path), SEGMENT_VERSION);
    }
    if (i == 0) {
        k->w->end = k->w->commit_end = s->base;
        k->link_known = s->base == 0;
    }
    if (!check_place(k, i, err))
        return false;
    if (state == SEGMENT_HEADER_BAD) {
        mark_bad(k, s->base, 0, "the segment's header is damaged");
        return search_claims(k, s, 0, err);
    }
    if (!check_header(k, s->base, &h, err))
        return false;
    s->created_us = h.created_us;
    k->begun = s->base;
    if (k->why != NULL)
        return search_claims(k, s, SEGMENT_HEADER, err);
    k->link = h.link;
    k->link_known = true;
    k->w->end = s->base + SEGMENT_HEADER;
    if (i == 0) {
        k->w->commit_end = k->w->end;
        k->w->commit_link = h.link;
    }
    return walk_batches(k, s, err);
}

static enum walk_result walk_segment(struct walker *k, size_t i, struct error *err)
{
    struct walk_segment *s = &k->w->segments[i];
    char path[PATH_SIZE];
    off_t size;
    bool ok;
    int fd = k->ops->open(k->ops->ctx, path_of(k, s->base, path), O_RDONLY, 0);

    if (fd < 0 && errno == ENOENT)
        return WALK_MOVED;
    if (fd < 0) {
        (void)error_sys(err, ERR_STOP, E_SYS_FILE, errno, "cannot open %s", path);
        return WALK_FAILED;
    }
    view_reset(&k->view, fd);
    ok = k->ops->size(k->ops->ctx, fd, &size) == 0;
    if (ok) {
        s->size = (uint64_t)size;
        ok = walk_open_segment(k, i, err);
    } else {
        (void)read_failed(k, s->base, err);
    }
    (void)k->ops->close(k->ops->ctx, fd);
    return ok ? WALK_OK : WALK_FAILED;
}

/* Is what was found bad below what was durable once? */
static bool judge(const struct walker *k, struct error *err)
{
    const struct walk *w = k->w;
    uint64_t durable = k->begun > w->synced ? k->begun : w->synced;
    char path[PATH_SIZE];

    if (k->why != NULL && k->bad_base + k->bad_at < durable) {
        return error_set(err, ERR_CORRUPT, E_LOG_CORRUPT,
                         "cannot use %s: at offset %llu %s, and the log was durable up to %llu",
                         path_of(k, k->bad_base, path), (unsigned long long)k->bad_at, k->why,
                         (unsigned long long)durable);
    }
    if (w->commit_end < w->synced) {
        return error_set(err, ERR_CORRUPT, E_LOG_CORRUPT,
                         "cannot use the log in %s: its last whole unit ends at %llu, and it was "
                         "durable up to %llu",
                         k->dir, (unsigned long long)w->commit_end, (unsigned long long)w->synced);
    }
    return true;
}

/* The position above which records are checked. Sizes are known only when a file is opened; the last
 * base is near enough to the end. */
static uint64_t verify_from(const struct walk *w, uint64_t verify_bytes)
{
    uint64_t last = w->count > 0 ? w->segments[w->count - 1].base : 0;

    return verify_bytes == 0 || last < verify_bytes ? 0 : last - verify_bytes;
}

enum walk_result walk_log(const char *dir, const struct file_ops *ops, uint64_t verify_bytes,
                          struct walk *w, struct error *err)
{
    struct walker k = { .dir = dir, .ops = ops, .w = w };
    enum walk_result result = WALK_OK;

    *w = (struct walk){ 0 };
    if (ops->list(ops->ctx, dir, add_segment, w) != 0) {
        (void)error_sys(err, ERR_STOP, E_SYS_FILE, errno, "cannot list %s", dir);
        return WALK_FAILED;
    }
    if (w->count == 0)
        return WALK_OK;
    qsort(w->segments, w->count, sizeof *w->segments, by_base);
    k.verify_from = verify_from(w, verify_bytes);
    view_init(&k.view, ops, READ_AHEAD);
    for (size_t i = 0; i < w->count && result == WALK_OK; i++)
        result = walk_segment(&k, i, err);
    view_done(&k.view);
    if (result == WALK_OK && !judge(&k, err))
        result = WALK_FAILED;
    return result;
}

void walk_done(struct walk *w)
{
    free(w->segments);
    *w = (struct walk){ 0 };
}
