/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/kafka_walk.h"

#include "base/limits.h"
#include "base/mem.h"

#include <stdlib.h>

void sink_kafka_walk_init(struct sink_kafka_walk *w, const struct debezium_format *format)
{
    *w = (struct sink_kafka_walk){ .format = format };
}

static void forget_collections(struct sink_kafka_walk *w)
{
    for (size_t i = 0; i < w->collection_count; i++)
        free((void *)(uintptr_t)w->collections[i].name.p);
    w->collection_count = 0;
    w->total = 0;
}

static struct str own(struct str s)
{
    return s.p != NULL ? str_make(mem_strndup(s), s.n) : STR_NONE;
}

static void forget_before(struct sink_kafka_walk *w)
{
    free((void *)(uintptr_t)w->before.schema.p);
    free((void *)(uintptr_t)w->before.table.p);
    w->before.schema = STR_NONE;
    w->before.table = STR_NONE;
}

void sink_kafka_walk_done(struct sink_kafka_walk *w)
{
    forget_collections(w);
    forget_before(w);
    free(w->collections);
    w->collections = NULL;
}

void sink_kafka_walk_copy(struct sink_kafka_walk *to, const struct sink_kafka_walk *from)
{
    sink_kafka_walk_done(to);
    *to = *from;
    to->before.schema = own(from->before.schema);
    to->before.table = own(from->before.table);
    to->collections = NULL;
    if (from->collection_count > 0) {
        to->collections = mem_zalloc(from->collection_count, sizeof *to->collections);
        for (size_t i = 0; i < from->collection_count; i++) {
            to->collections[i].name = own(from->collections[i].name);
            to->collections[i].events = from->collections[i].events;
        }
    }
    to->collection_cap = from->collection_count;
}

/* ---- transactions --------------------------------------------------------------------------------------- */

static bool same_transaction(struct position a, struct position b)
{
    return a.epoch == b.epoch && lsn_cmp(a.commit_end, b.commit_end) == 0;
}

static bool is_snapshot(const struct change *c)
{
    return c->op == CHANGE_SNAPSHOT;
}

/* A message that was not part of a transaction stands alone. */
static bool is_alone(const struct change *c)
{
    return c->op == CHANGE_MESSAGE && c->xid == 0;
}

bool sink_kafka_walk_begins(const struct sink_kafka_walk *w, const struct change *c)
{
    return !is_snapshot(c) && !is_alone(c) &&
           (!w->started || !same_transaction(w->before.pos, c->pos));
}

bool sink_kafka_walk_ends(const struct batch *b, size_t at)
{
    const struct change *c = &b->changes[at];

    if (is_snapshot(c) || is_alone(c))
        return false;
    if (at + 1 < b->count)
        return !same_transaction(c->pos, b->changes[at + 1].pos);
    return b->next == NULL;
}

/* LOGICAL_DECODING_MESSAGE: as Debezium calls the collection of messages. */
static void collection_name(const struct change *c, struct buf *b)
{
    if (c->op == CHANGE_MESSAGE) {
        buf_text(b, "LOGICAL_DECODING_MESSAGE");
        return;
    }
    buf_str(b, c->rel->schema);
    buf_text(b, ".");
    buf_str(b, c->rel->table);
}

static struct debezium_collection *add_collection(struct sink_kafka_walk *w, struct str name)
{
    struct debezium_collection *added;

    if (w->collection_count == w->collection_cap) {
        w->collection_cap = w->collection_cap > 0 ? w->collection_cap * 2 : 8;
        w->collections = mem_resize(w->collections, w->collection_cap, sizeof *w->collections);
    }
    added = &w->collections[w->collection_count++];
    *added = (struct debezium_collection){ .name = own(name) };
    return added;
}

void sink_kafka_walk_set_counts(struct sink_kafka_walk *w, uint64_t total,
                                const struct debezium_collection *collections, size_t count)
{
    forget_collections(w);
    w->total = total;
    for (size_t i = 0; i < count; i++)
        add_collection(w, collections[i].name)->events = collections[i].events;
}

static struct debezium_collection *collection_of(struct sink_kafka_walk *w, const struct change *c)
{
    struct debezium_collection *found = NULL;
    struct buf name;

    buf_init(&name, LIMIT_KAFKA_TOPIC);
    collection_name(c, &name);
    for (size_t i = 0; i < w->collection_count && found == NULL; i++) {
        if (str_eq(w->collections[i].name, buf_view(&name)))
            found = &w->collections[i];
    }
    if (found == NULL)
        found = add_collection(w, buf_view(&name));
    buf_done(&name);
    return found;
}

/* 2.5 does not count messages. */
static void count(struct sink_kafka_walk *w, const struct change *c, struct debezium_moment *m)
{
    if (!w->format->transactions || is_snapshot(c) || is_alone(c) ||
        (c->op == CHANGE_TRUNCATE && !w->format->truncates) ||
        (c->op == CHANGE_MESSAGE && w->format->compat == DEBEZIUM_2_5))
        return;
    m->total_order = ++w->total;
    m->collection_order = ++collection_of(w, c)->events;
}

void sink_kafka_walk_joined(struct sink_kafka_walk *w, const struct change *c)
{
    if (!w->format->transactions)
        return;
    w->total--;
    collection_of(w, c)->events--;
}

/* ---- snapshots -------------------------------------------------------------------------------------------- */

static bool same_table(const struct relation *rel, struct str schema, struct str table)
{
    return str_eq(rel->table, table) && str_eq(rel->schema, schema);
}

/* The row behind this one in the same snapshot, as its table; NULL: none. */
static const struct relation *next_table(const struct batch *b, size_t at)
{
    const struct change *c = &b->changes[at];

    if (at + 1 == b->count)
        return b->next;
    return same_transaction(c->pos, c[1].pos) ? c[1].rel : NULL;
}

static enum debezium_snapshot snapshot_of(const struct sink_kafka_walk *w, const struct batch *b,
                                          size_t at)
{
    const struct change *c = &b->changes[at];
    const struct relation *next;
    bool first, last;

    if (!is_snapshot(c))
        return DEBEZIUM_SNAPSHOT_FALSE;
    if ((c->flags & CHANGE_INCREMENTAL) != 0)
        return DEBEZIUM_SNAPSHOT_INCREMENTAL;
    next = next_table(b, at);
    last = next == NULL || !same_table(next, c->rel->schema, c->rel->table);
    /* Where it was begun by a process before this one, the row before was of the same table. */
    first = (w->before.table.p != NULL && !same_table(c->rel, w->before.schema, w->before.table));
    if (next == NULL)
        return DEBEZIUM_SNAPSHOT_LAST;
    if (c->pos.ordinal == 1)
        return DEBEZIUM_SNAPSHOT_FIRST;
    if (last)
        return DEBEZIUM_SNAPSHOT_LAST_IN_COLLECTION;
    return first ? DEBEZIUM_SNAPSHOT_FIRST_IN_COLLECTION : DEBEZIUM_SNAPSHOT_TRUE;
}

/* ---- a step ----------------------------------------------------------------------------------------------- */

/* The other half of a moved key stands next to this one. */
static const struct change *pair_of(const struct batch *b, size_t at)
{
    const struct change *c = &b->changes[at];

    if ((c->flags & CHANGE_KEY_MOVED) == 0)
        return NULL;
    if (c->op == CHANGE_DELETE)
        return at + 1 < b->count && (c[1].flags & CHANGE_KEY_MOVED) != 0 ? c + 1 : NULL;
    return at > 0 && (c[-1].flags & CHANGE_KEY_MOVED) != 0 ? c - 1 : NULL;
}

static void remember(struct sink_kafka_walk *w, const struct change *c)
{
    w->started = true;
    w->before.pos = c->pos;
    if (w->before.table.p != NULL && same_table(c->rel, w->before.schema, w->before.table))
        return;
    forget_before(w);
    w->before.schema = own(c->rel->schema);
    w->before.table = own(c->rel->table);
}

void sink_kafka_walk_step(struct sink_kafka_walk *w, const struct batch *b, size_t at,
                          struct debezium_moment *ret_moment)
{
    const struct change *c = &b->changes[at];
    struct debezium_moment m = { .pair = pair_of(b, at), .snapshot = snapshot_of(w, b, at) };

    if (!w->started || !same_transaction(w->before.pos, c->pos)) {
        /* A new history knows of no commit before. */
        w->last_commit =
            is_snapshot(c) && (c->flags & CHANGE_INCREMENTAL) == 0 ? (struct lsn){ 0 } : w->ended;
        forget_collections(w);
    }
    if (is_alone(c)) {
        w->last_commit = c->lsn;
        w->ended = c->lsn;
    } else {
        w->ended = is_snapshot(c) ? w->last_commit : c->pos.commit_end;
    }
    m.last_commit = w->last_commit;
    count(w, c, &m);
    remember(w, c);
    *ret_moment = m;
}
