/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_JSONREAD_H
#define BASE_JSONREAD_H

/*
 * Reading JSON (RFC 8259) without losing a digit: one strict pass over the text makes a flat list of tokens
 * that point into it; numbers and strings stay the text they are.
 *
 *     struct jsonread j;  jsonread_init(&j, LIMIT_JSON_TOKENS);
 *     if (!jsonread_parse(&j, text)) ... j.fault at byte j.fault_at
 *     for (uint32_t i = jsonread_first(&j, 0); i < jsonread_end(&j, 0); i = jsonread_next(&j, i)) ...
 *     jsonread_done(&j);
 *
 * The parts of a container stand behind it; a member is its name and, behind that, its value. Refused: what
 * the RFC refuses, text that is not UTF-8, lone surrogates, U+0000, nesting beyond LIMIT_JSON_DEPTH, more
 * tokens than the ceiling. Members of one name are the caller's to notice. Time and memory are linear in the
 * text; nothing recurses. The text must outlive the tokens. Owned by one thread.
 */

#include "base/buf.h"

enum jsonread_type {
    JSONREAD_NULL,
    JSONREAD_FALSE,
    JSONREAD_TRUE,
    JSONREAD_NUMBER,
    JSONREAD_STRING,
    JSONREAD_ARRAY,
    JSONREAD_OBJECT
};

struct jsonread_token {
    uint32_t at;    /* where its text begins; that of a string behind its quote */
    uint32_t n;     /* bytes of its text; of a string without its quotes */
    uint32_t next;  /* the token behind it and all its parts */
    uint32_t count; /* items of an array, members of an object */
    uint8_t type;   /* enum jsonread_type */
    bool escaped;   /* a string with a backslash in it */
    bool real;      /* a number with a point or an exponent */
};

struct jsonread {
    struct str text; /* borrowed */
    struct jsonread_token *tokens;
    size_t count;
    size_t cap;
    size_t limit;
    const char *fault; /* static half-sentence: "a string does not end" */
    size_t fault_at;
};

void jsonread_init(struct jsonread *j, size_t token_limit);
void jsonread_done(struct jsonread *j);
/* Exactly one value, with white space around it at most. Token 0 is the value. */
bool jsonread_parse(struct jsonread *j, struct str text);

/* For a caller who knows how the text begins: empties the list; then appends the value at *at and moves *at
 * behind it. *ret_token: its index. */
void jsonread_begin(struct jsonread *j, struct str text);
bool jsonread_value(struct jsonread *j, size_t *at, uint32_t *ret_token);
/* The offset of the first byte from `at` that is no white space. */
size_t jsonread_space(struct str text, size_t at);

static inline const struct jsonread_token *jsonread_at(const struct jsonread *j, uint32_t token)
{
    return &j->tokens[token];
}

static inline struct str jsonread_text(const struct jsonread *j, uint32_t token)
{
    return str_make(j->text.p + j->tokens[token].at, j->tokens[token].n);
}

/* The first part of a container; its end when there is none. */
static inline uint32_t jsonread_first(const struct jsonread *j, uint32_t token)
{
    (void)j;
    return token + 1;
}

static inline uint32_t jsonread_end(const struct jsonread *j, uint32_t token)
{
    return j->tokens[token].next;
}

/* Of an array's item, or of a member's value: the item or the name behind it. */
static inline uint32_t jsonread_next(const struct jsonread *j, uint32_t token)
{
    return j->tokens[token].next;
}

/* Appends what the string stands for. */
void jsonread_string(const struct jsonread *j, uint32_t token, struct buf *b);
/* Does the string, which has escapes, stand for these bytes? */
bool jsonread_is_escaped(const struct jsonread *j, uint32_t token, struct str text);
/* Does a value that is a string stand for these bytes? */
static inline bool jsonread_is(const struct jsonread *j, uint32_t token, struct str text)
{
    const struct jsonread_token *t = &j->tokens[token];

    if (t->type != JSONREAD_STRING)
        return false;
    if (t->escaped)
        return jsonread_is_escaped(j, token, text);
    return t->n == text.n && (text.n == 0 || memcmp(j->text.p + t->at, text.p, text.n) == 0);
}
/* The value of the object's first member of that name; false when there is none, or it is no object. */
bool jsonread_member(const struct jsonread *j, uint32_t object, struct str name,
                     uint32_t *ret_value);

#endif
