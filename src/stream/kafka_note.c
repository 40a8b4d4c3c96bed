/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/kafka_note.h"

static struct str next_word(struct str *left)
{
    size_t n = str_find(*left, ' ');
    struct str word = str_make(left->p, n);

    n += n < left->n ? 1 : 0;
    *left = str_make(left->p + n, left->n - n);
    return word;
}

static bool cut(struct str word, const char *name, struct str *ret_value)
{
    struct str prefix = str_from(name);

    if (!str_starts(word, prefix))
        return false;
    *ret_value = str_make(word.p + prefix.n, word.n - prefix.n);
    return true;
}

void kafka_note_encode(const struct kafka_note *note, struct buf *b)
{
    char text[POSITION_TEXT];

    buf_putf(b, "v1 started=%d", note->started ? 1 : 0);
    if (!note->known)
        return;
    if (note->has_position)
        buf_putf(b, " position=%s part=%u last=%d", position_format(note->position, text),
                 note->part, note->last ? 1 : 0);
    buf_putf(b, " wts=%lld", (long long)note->wts);
}

/* False: not a word of ours. */
static bool take_word(struct str word, struct kafka_note *note)
{
    struct str value;
    uint64_t number;

    if (cut(word, "started=", &value)) {
        note->started = str_is(value, "1");
        return true;
    }
    if (cut(word, "position=", &value)) {
        note->has_position = true;
        return position_parse(value, &note->position);
    }
    if (cut(word, "last=", &value)) {
        note->last = str_is(value, "1");
        return true;
    }
    if (cut(word, "part=", &value) && str_to_u64(value, &number) && number <= UINT32_MAX) {
        note->part = (unsigned)number;
        return true;
    }
    note->known = cut(word, "wts=", &value) && str_to_i64(value, &note->wts);
    return note->known;
}

struct kafka_note kafka_note_decode(struct str text)
{
    struct kafka_note note = { 0 };

    if (!str_is(next_word(&text), "v1"))
        return note;
    while (text.n > 0) {
        if (!take_word(next_word(&text), &note))
            return (struct kafka_note){ .started = note.started };
    }
    return note;
}

bool kafka_note_position(struct str text, struct position *ret_position, unsigned *ret_part)
{
    unsigned slashes = 0;
    size_t at = 0;
    uint64_t part = 0;

    while (at < text.n && (text.p[at] != '/' || ++slashes < 4))
        at++;
    if (at < text.n &&
        (!str_to_u64(str_make(text.p + at + 1, text.n - at - 1), &part) || part > UINT32_MAX))
        return false;
    *ret_part = (unsigned)part;
    return position_parse(str_make(text.p, at), ret_position);
}
