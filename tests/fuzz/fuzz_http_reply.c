/* SPDX-License-Identifier: Apache-2.0 */
/* What is done with an answer: its headers line by line, its body, the verdict and the message.
 * Input: two bytes of status, header lines up to an empty one, the body. Also what was stored. */
#include "base/limits.h"
#include "sink/http.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void answer(struct str left)
{
    struct http_reply reply;
    struct error err;

    http_reply_init(&reply);
    reply.status = left.n >= 2 ? (unsigned)((uint8_t)left.p[0] * 4 + (uint8_t)left.p[1]) : 0;
    left = left.n >= 2 ? str_make(left.p + 2, left.n - 2) : STR("");
    while (left.n > 0) {
        size_t end = str_find(left, '\n');

        end += end < left.n ? 1 : 0;
        if (!http_reply_header(&reply, str_make(left.p, end), 1700000000000000))
            break;
        left = str_make(left.p + end, left.n - end);
        if (end <= 2)
            break;
    }
    assert(reply.retry_after_ms >= -1 && reply.retry_after_ms <= HTTP_RETRY_AFTER_MAX_MS);
    (void)http_reply_body(&reply, left);
    if (http_reply_verdict(&reply) != HTTP_ACCEPTED) {
        (void)http_reply_error(&reply, "host", &err);
        for (const char *p = err.msg; *p != '\0'; p++)
            assert((unsigned char)*p >= 0x20 && *p != 0x7F);
    }
    http_reply_done(&reply);
}

static void stored(struct str bytes)
{
    struct arena a;
    struct http_marks marks;
    struct position before;
    const struct position *sent;
    size_t count;

    arena_init(&a, 64 * MIB);
    (void)http_marks_decode(bytes, &a, &marks);
    (void)http_sent_decode(bytes, &a, &before, &sent, &count);
    arena_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_secret secret;

    answer(str_make(data, size));
    stored(str_make(data, size));
    (void)http_secret_parse(str_make(data, size), &secret);
    return 0;
}
