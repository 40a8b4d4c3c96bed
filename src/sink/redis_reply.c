/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hiredis' reader parses, our functions build. Building by ourselves is what makes the ceilings hold:
 * an array is refused by its announced length before anything is allocated for it, and nothing is
 * freed alone. The depth is bounded by the reader itself (LIMIT_REDIS_DEPTH, hiredis read.c), the bytes
 * by what we let be fed before a reply is complete.
 */
#include "sink/redis_reply.h"

#include "base/limits.h"
#include "base/mem.h"

#include <hiredis/read.h>
#include <stdlib.h>

struct redis_reader {
    redisReader *parser;
    struct arena arena;
    size_t pending;  /* bytes fed since the last complete reply */
    size_t elements; /* of the reply being built */
    bool refused;    /* by one of our ceilings */
};

/* ---- building --------------------------------------------------------------------------------- */

/* The reader hands its privdata to the root task only; the others know their parent. */
static struct redis_reader *owner(const redisReadTask *task)
{
    while (task->parent != NULL)
        task = task->parent;
    return task->privdata;
}

static struct redis_reply *add_reply(const redisReadTask *task, enum redis_reply_type type)
{
    struct redis_reader *r = owner(task);
    struct redis_reply *reply;

    if (++r->elements > LIMIT_REDIS_ELEMENTS) {
        r->refused = true;
        return NULL;
    }
    reply = arena_zalloc(&r->arena, 1, sizeof *reply);
    reply->type = type;
    if (task->parent != NULL) {
        struct redis_reply *list = task->parent->obj;

        list->items[task->idx] = reply;
    }
    return reply;
}

static void *make_string(const redisReadTask *task, char *text, size_t n)
{
    enum redis_reply_type type = task->type == REDIS_REPLY_ERROR    ? REDIS_FAILURE
                                 : task->type == REDIS_REPLY_STATUS ? REDIS_STATUS
                                                                    : REDIS_STRING;
    struct redis_reply *reply = add_reply(task, type);

    if (reply != NULL)
        reply->text = arena_str(&owner(task)->arena, str_make(text, n));
    return reply;
}

/* `count` went through an int in hiredis: a huge announced length may arrive as any number. */
static void *make_list(const redisReadTask *task, int count)
{
    struct redis_reader *r = owner(task);
    struct redis_reply *reply;

    if (count < 0 || (size_t)count > LIMIT_REDIS_ELEMENTS - r->elements) {
        r->refused = true;
        return NULL;
    }
    reply = add_reply(task, REDIS_LIST);
    if (reply != NULL && count > 0) {
        reply->count = (size_t)count;
        reply->items = arena_zalloc(&r->arena, (size_t)count, sizeof(struct redis_reply *));
    }
    return reply;
}

static void *make_integer(const redisReadTask *task, long long value)
{
    struct redis_reply *reply = add_reply(task, REDIS_INTEGER);

    if (reply != NULL)
        reply->integer = value;
    return reply;
}

static void *make_nil(const redisReadTask *task)
{
    return add_reply(task, REDIS_NIL);
}

/* hiredis drops a half-built reply through this; the arena holds it. */
static void drop(void *reply)
{
    (void)reply;
}

static redisReplyObjectFunctions functions = {
    .createString = make_string,
    .createArray = make_list,
    .createInteger = make_integer,
    .createNil = make_nil,
    .freeObject = drop,
};

/* ---- the reader ------------------------------------------------------------------------------- */

struct redis_reader *redis_reader_open(void)
{
    struct redis_reader *r = mem_zalloc(1, sizeof *r);

    r->parser = redisReaderCreateWithFunctions(&functions);
    if (r->parser == NULL)
        error_out_of_memory(sizeof *r->parser);
    r->parser->privdata = r;
    arena_init(&r->arena, LIMIT_ARENA);
    return r;
}

void redis_reader_close(struct redis_reader *r)
{
    if (r == NULL)
        return;
    redisReaderFree(r->parser);
    arena_done(&r->arena);
    free(r);
}

bool redis_reader_feed(struct redis_reader *r, const void *p, size_t n, struct error *err)
{
    if (n > LIMIT_REDIS_REPLY - r->pending) {
        return error_set(err, ERR_RETRY, E_REDIS_PROTOCOL,
                         "a reply of Redis has more than %zu bytes", LIMIT_REDIS_REPLY);
    }
    r->pending += n;
    if (redisReaderFeed(r->parser, p, n) != REDIS_OK)
        error_out_of_memory(n);
    return true;
}

bool redis_reader_next(struct redis_reader *r, const struct redis_reply **ret_reply,
                       struct error *err)
{
    void *reply = NULL;

    if (r->parser->ridx == -1) { /* between two replies: the last one may go */
        arena_reset(&r->arena);
        r->elements = 0;
    }
    if (redisReaderGetReply(r->parser, &reply) != REDIS_OK) {
        if (r->refused) {
            return error_set(err, ERR_RETRY, E_REDIS_PROTOCOL,
                             "a reply of Redis has more than %zu elements", LIMIT_REDIS_ELEMENTS);
        }
        return error_set(err, ERR_RETRY, E_REDIS_PROTOCOL,
                         "a reply of Redis is not understood: %.100s", r->parser->errstr);
    }
    if (reply != NULL)
        r->pending = r->parser->len - r->parser->pos;
    *ret_reply = reply;
    return true;
}

/* ---- looking at replies ----------------------------------------------------------------------- */

bool redis_reply_is_text(const struct redis_reply *reply, const char *text)
{
    return reply != NULL && (reply->type == REDIS_STRING || reply->type == REDIS_STATUS) &&
           str_is(reply->text, text);
}

const struct redis_reply *redis_reply_item(const struct redis_reply *reply, size_t i)
{
    return reply != NULL && reply->type == REDIS_LIST && i < reply->count ? reply->items[i] : NULL;
}
