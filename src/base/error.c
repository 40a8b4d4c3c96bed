/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct error_page pages[] = {
#define ERRCODE(number, name, title, page) { number, "", #name, title, page },
#include "base/errcode.def"
#undef ERRCODE
};

enum { PAGE_COUNT = sizeof pages / sizeof pages[0] };

void error_code_text(enum error_code code, char ret_text[8])
{
    if (code == E_NONE)
        ret_text[0] = '\0';
    else
        (void)snprintf(ret_text, 8, "E%04u", (unsigned)code % 10000u);
}

__attribute__((format(printf, 2, 0))) static void set_msg(struct error *err, const char *fmt,
                                                          va_list ap)
{
    (void)vsnprintf(err->msg, sizeof err->msg, fmt, ap);
}

bool error_set(struct error *err, enum error_kind kind, enum error_code code, const char *fmt, ...)
{
    va_list ap;

    err->kind = kind;
    err->sys = 0;
    error_code_text(code, err->code);
    va_start(ap, fmt);
    set_msg(err, fmt, ap);
    va_end(ap);
    return false;
}

bool error_sys(struct error *err, enum error_kind kind, enum error_code code, int sys,
               const char *fmt, ...)
{
    va_list ap;
    char text[96];
    size_t n;

    va_start(ap, fmt);
    set_msg(err, fmt, ap);
    va_end(ap);
    err->kind = kind;
    err->sys = sys;
    error_code_text(code, err->code);
    n = strlen(err->msg);
    /* The GNU strerror_r: may return a static string instead of filling the buffer. */
    (void)snprintf(err->msg + n, sizeof err->msg - n, ": %s", strerror_r(sys, text, sizeof text));
    return false;
}

bool error_wrap(struct error *err, const char *context_fmt, ...)
{
    char context[sizeof err->msg];
    va_list ap;
    size_t cause_n = strlen(err->msg);
    size_t context_n;

    va_start(ap, context_fmt);
    (void)vsnprintf(context, sizeof context, context_fmt, ap);
    va_end(ap);

    /* The cause stays whole; the context gets what is left. */
    if (cause_n + 4 > sizeof err->msg)
        return false;
    context_n = strlen(context);
    if (context_n > sizeof err->msg - cause_n - 3)
        context_n = sizeof err->msg - cause_n - 3;
    memmove(err->msg + context_n + 2, err->msg, cause_n + 1);
    memcpy(err->msg, context, context_n);
    memcpy(err->msg + context_n, ": ", 2);
    return false;
}

bool error_cancel(struct error *err)
{
    return error_set(err, ERR_CANCEL, E_SYS_CANCEL, "stopping, as asked");
}

bool error_is(const struct error *err, enum error_code code)
{
    char wanted[8];

    error_code_text(code, wanted);
    return strcmp(err->code, wanted) == 0;
}

void error_clear(struct error *err)
{
    memset(err, 0, sizeof *err);
}

const char *error_kind_name(enum error_kind kind)
{
    switch (kind) {
    case ERR_NONE:
        return "none";
    case ERR_RETRY:
        return "retry";
    case ERR_REJECT:
        return "reject";
    case ERR_STOP:
        return "stop";
    case ERR_CORRUPT:
        return "corrupt";
    case ERR_CANCEL:
        return "cancel";
    }
    return "unknown";
}

/* The code text is derived from the number, once, so that the two cannot differ. */
static struct error_page filled[PAGE_COUNT];
static char codes[PAGE_COUNT][8];

__attribute__((constructor)) static void fill_pages(void)
{
    for (size_t i = 0; i < PAGE_COUNT; i++) {
        (void)snprintf(codes[i], sizeof codes[i], "E%04u", (unsigned)pages[i].number % 10000u);
        filled[i] = pages[i];
        filled[i].code = codes[i];
    }
}

const struct error_page *error_pages(size_t *ret_count)
{
    *ret_count = PAGE_COUNT;
    return filled;
}

const struct error_page *error_page_find(const char *code)
{
    char *end;
    long number;

    if (code[0] == 'E' || code[0] == 'e')
        code++;
    if (!isdigit((unsigned char)code[0]) || strlen(code) > 4)
        return NULL;
    number = strtol(code, &end, 10);
    if (*end != '\0')
        return NULL;
    for (size_t i = 0; i < PAGE_COUNT; i++) {
        if (filled[i].number == number)
            return &filled[i];
    }
    return NULL;
}

_Noreturn void error_out_of_memory(size_t wanted)
{
    (void)fprintf(stderr, "multisink: out of memory (wanted %zu bytes); what was stored is safe\n",
                  wanted);
    abort();
}
