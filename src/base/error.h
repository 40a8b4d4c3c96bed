/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

/*
 * One error value for the whole program.
 *
 * A fallible function returns bool, takes `struct error *err` last and leaves its outputs untouched
 * when it fails; it leaves `*err` untouched when it succeeds. The kind is the action: it tells the
 * one caller who decides (the deliver loop, the capture loop, a command) whether to try again, park
 * the record, or stop. The code names the cause for the user; errors/ holds a page for each, printed
 * by `multisink explain`. The message is made where the failure happened, in the form
 * "cannot VERB OBJECT (facts): reason".
 *
 * A failure is one statement:
 *     return error_sys(err, ERR_RETRY, E_NET_CONNECT, errno, "cannot connect to %s", peer);
 *
 * Nobody below pipeline/, control/ and cli/ logs an error; it is returned. A message never holds a
 * secret. `err` must not be NULL. Thread: a value, owned by the caller.
 */

#include <stdbool.h>
#include <stddef.h>

enum error_kind {
    ERR_NONE,
    ERR_RETRY,   /* a peer; may pass later: try again with backoff */
    ERR_REJECT,  /* this record, never: park it and go on */
    ERR_STOP,    /* a person must act */
    ERR_CORRUPT, /* bytes that we wrote ourselves are bad: refuse to go on */
    ERR_CANCEL   /* shutdown was asked for */
};

enum error_code {
    E_NONE = 0,
#define ERRCODE(number, name, title, page) E_##name = (number),
#include "base/errcode.def"
#undef ERRCODE
};

struct error {
    enum error_kind kind;
    int sys;      /* errno of the cause, or 0 */
    char code[8]; /* "E0412" */
    char msg[320];
};

/* All four return false, so that a failure is `return error_set(...)`. */
bool error_set(struct error *err, enum error_kind kind, enum error_code code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* As error_set, with ": " and the text of errno `sys` behind the message. */
bool error_sys(struct error *err, enum error_kind kind, enum error_code code, int sys,
               const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* Puts "context: " before the message. If it does not fit, the cause is kept, the context is cut. */
bool error_wrap(struct error *err, const char *context_fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Short form for ERR_CANCEL. */
bool error_cancel(struct error *err);

void error_clear(struct error *err);
/* "E0412"; "" for E_NONE. */
void error_code_text(enum error_code code, char ret_text[8]);
/* Was it set with this code? */
bool error_is(const struct error *err, enum error_code code);
const char *error_kind_name(enum error_kind kind);

/* A page of the error manual. `title` and `page` are static text; page paragraphs are "\n" apart. */
struct error_page {
    int number;
    const char *code; /* "E0412" */
    const char *name; /* "SLOT_ACTIVE" */
    const char *title;
    const char *page;
};

/* The whole catalogue in ascending order of number. */
const struct error_page *error_pages(size_t *ret_count);
/* Accepts "E0412", "e0412", "0412" and "412"; NULL when there is no such code. */
const struct error_page *error_page_find(const char *code);

/* The one place that ends the process when memory is gone: the log and the positions are durable, so
 * a crash is a restart. */
_Noreturn void error_out_of_memory(size_t wanted);

#define MUST_CHECK __attribute__((warn_unused_result))

#endif
