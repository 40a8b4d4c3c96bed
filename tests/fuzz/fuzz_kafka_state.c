/* SPDX-License-Identifier: Apache-2.0 */
/* What multisink keeps in Kafka, where others may write: offsets' notes, positions in headers, the claim in the state topic,
 * parked records, HTTP's marks, and Debezium's offsets that are taken over. Each text is refused or read; what was read
 * is written and read again to the same. The first byte says which form. */
#include "base/limits.h"
#include "model/change.h"
#include "pipeline/claim.h"
#include "pipeline/handover.h"
#include "pipeline/park_topic.h"
#include "sink/http.h"
#include "sink/kafka_mark.h"
#include "stream/kafka_note.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct buf out;

static void try_note(struct str text)
{
    struct kafka_note note = kafka_note_decode(text);
    struct kafka_note again;

    kafka_note_encode(&note, &out);
    again = kafka_note_decode(buf_view(&out));
    assert(again.known == note.known && again.started == note.started);
    assert(!note.known || !note.has_position || position_cmp(again.position, note.position) == 0);
}

static void try_mark(struct str text)
{
    char printed[SINK_KAFKA_MARK_TEXT];
    struct sink_kafka_mark mark;
    struct sink_kafka_mark again;

    if (!sink_kafka_mark_parse(text, &mark))
        return;
    assert(sink_kafka_mark_parse(sink_kafka_mark_format(mark, printed), &again));
    assert(sink_kafka_mark_cmp(mark, again) == 0);
}

static void try_claim(struct str text)
{
    struct claim claim;
    struct claim again;
    struct error err = { 0 };

    if (!claim_parse(text, &claim, &err)) {
        assert(err.msg[0] != '\0');
        return;
    }
    claim_put(&claim, &out);
    assert(claim_parse(buf_view(&out), &again, &err));
    assert(again.term == claim.term && again.wts == claim.wts);
}

static void try_parked(struct str value)
{
    struct park_record record;
    struct change c;
    struct arena a;

    if (!park_topic_decode(value, &record))
        return;
    arena_init(&a, LIMIT_ARENA);
    (void)park_change(&record, &a, &c);
    arena_done(&a);
    park_topic_encode(&record, &out);
    assert(park_topic_decode(buf_view(&out), &record));
}

static void try_sent(struct str stored)
{
    const struct position *sent;
    struct position before;
    struct http_marks marks;
    struct arena a;
    size_t count;

    arena_init(&a, LIMIT_ARENA);
    if (http_sent_decode(stored, &a, &before, &sent, &count)) {
        http_sent_encode(before, sent, count, &out);
        assert(stored.n == 0 || str_eq(buf_view(&out), stored));
    }
    (void)http_marks_decode(stored, &a, &marks);
    arena_done(&a);
}

static void try_handover(struct str text)
{
    struct handover handover;
    struct error err = { 0 };

    if (!handover_parse(text, &handover, &err))
        assert(err.msg[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const forms[])(struct str) = { try_note,   try_mark, try_claim,
                                                 try_parked, try_sent, try_handover };

    if (size == 0)
        return 0;
    buf_init(&out, LIMIT_ARENA);
    forms[data[0] % (sizeof forms / sizeof forms[0])](str_make(data + 1, size - 1));
    buf_done(&out);
    return 0;
}
