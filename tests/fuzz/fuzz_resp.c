/* SPDX-License-Identifier: Apache-2.0 */
/* Redis replies as the sink reads them: the first byte says in what pieces the rest arrives. */
#include "sink/redis_reply.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Touches everything that a reply claims to hold. */
static size_t walk(const struct redis_reply *reply)
{
    size_t sum = 0;

    if (reply == NULL)
        abort();
    for (size_t i = 0; i < reply->text.n; i++)
        sum += (unsigned char)reply->text.p[i];
    for (size_t i = 0; i < reply->count; i++)
        sum += walk(reply->items[i]);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct redis_reader *r = redis_reader_open();
    size_t piece = n > 0 ? (size_t)data[0] + 1 : 1;
    struct error err = { 0 };
    size_t at = n > 0 ? 1 : 0;

    while (at < n && err.kind == ERR_NONE) {
        size_t take = n - at < piece ? n - at : piece;
        const struct redis_reply *reply = NULL;

        if (!redis_reader_feed(r, data + at, take, &err))
            break;
        at += take;
        while (redis_reader_next(r, &reply, &err) && reply != NULL) {
            if (walk(reply) == SIZE_MAX) /* so that the walk is not left out */
                abort();
        }
    }
    redis_reader_close(r);
    return 0;
}
