/* SPDX-License-Identifier: Apache-2.0 */
#include "base/logger.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"

#include <assert.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 4096 };

static const char *const level_names[] = { "debug", "info", "warn", "error", "off" };

/* The first words of `who`, as the threads give it. */
static const char *const parts[] = { "capture", "connect", "log", "multisink", "sink" };

enum { PART_COUNT = sizeof parts / sizeof parts[0], AS_ROOT = 0 };

static struct {
    int fd;
    enum logger_format format;
    atomic_int level;
    atomic_int own[PART_COUNT]; /* 1 + level, or AS_ROOT */
} state = { .fd = STDERR_FILENO, .format = LOGGER_TEXT, .level = LOGGER_INFO };

void logger_init(int fd, enum logger_format format, enum logger_level level)
{
    state.fd = fd;
    state.format = format;
    atomic_store(&state.level, (int)level);
}

bool logger_level_parse(const char *name, enum logger_level *ret_level)
{
    for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++) {
        if (strcasecmp(name, level_names[i]) == 0) {
            *ret_level = (enum logger_level)i;
            return true;
        }
    }
    return false;
}

const char *logger_level_name(enum logger_level level)
{
    return level_names[level];
}

const char *const *logger_parts(size_t *ret_count)
{
    *ret_count = PART_COUNT;
    return parts;
}

/* The part that `who` begins with, or PART_COUNT. */
static size_t part_of(const char *who)
{
    size_t i = 0;

    for (; i < PART_COUNT; i++) {
        size_t n = strlen(parts[i]);

        if (strncmp(parts[i], who, n) == 0 && (who[n] == '\0' || who[n] == ' '))
            break;
    }
    return i;
}

static enum logger_level level_of(size_t part)
{
    int own = part < PART_COUNT ? atomic_load(&state.own[part]) : AS_ROOT;

    return (enum logger_level)(own == AS_ROOT ? atomic_load(&state.level) : own - 1);
}

bool logger_get_level(const char *part, enum logger_level *ret_level)
{
    size_t i = part != NULL ? part_of(part) : PART_COUNT;

    if (part != NULL && (i == PART_COUNT || strcmp(parts[i], part) != 0))
        return false;
    *ret_level = level_of(i);
    return true;
}

bool logger_set_level(const char *part, enum logger_level level)
{
    size_t i = part != NULL ? part_of(part) : PART_COUNT;

    if (part != NULL && (i == PART_COUNT || strcmp(parts[i], part) != 0))
        return false;
    atomic_store(part != NULL ? &state.own[i] : &state.level, (int)level + (part != NULL ? 1 : 0));
    return true;
}

bool logger_enabled(enum logger_level level)
{
    for (size_t i = 0; i < PART_COUNT; i++) {
        if (level >= level_of(i))
            return true;
    }
    return level >= level_of(PART_COUNT);
}

static void json_line(struct buf *b, enum logger_level level, const char *who,
                      const struct error *err, const char *msg)
{
    char when[CLOCK_TEXT];
    bool first = true;

    buf_u8(b, '{');
    json_key(b, &first, "time");
    json_string(b, str_from(clock_format_us(clock_real_us(&clock_system), when)));
    json_key(b, &first, "level");
    json_string(b, str_from(level_names[level]));
    json_key(b, &first, "who");
    json_string(b, str_from(who));
    if (err != NULL) {
        json_key(b, &first, "code");
        json_string(b, str_from(err->code));
        json_key(b, &first, "kind");
        json_string(b, str_from(error_kind_name(err->kind)));
    }
    json_key(b, &first, "msg");
    json_string(b, str_from(msg));
    buf_text(b, "}\n");
}

static void text_line(struct buf *b, enum logger_level level, const char *who,
                      const struct error *err, const char *msg)
{
    char when[CLOCK_TEXT];

    /* Milliseconds are enough for a person: cut "456Z" off and close again. */
    (void)clock_format_us(clock_real_us(&clock_system), when);
    buf_putf(b, "%.23sZ %-5s %-10s ", when, level_names[level], who);
    if (err != NULL && err->code[0] != '\0')
        buf_putf(b, "%s ", err->code);
    json_escaped(b, str_from(msg));
    buf_u8(b, '\n');
}

static void emit(enum logger_level level, const char *who, const struct error *err, const char *msg)
{
    struct buf b;
    ssize_t n;

    buf_init(&b, LINE_MAX_BYTES);
    if (state.format == LOGGER_JSON)
        json_line(&b, level, who, err, msg);
    else
        text_line(&b, level, who, err, msg);
    n = write(state.fd, b.p, b.n);
    (void)n; /* there is nobody left to tell */
    buf_done(&b);
}

void logger_event(enum logger_level level, const char *who, const char *fmt, ...)
{
    char msg[1024];
    va_list ap;

    if (level < level_of(part_of(who)))
        return;
    va_start(ap, fmt);
    (void)vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    emit(level, who, NULL, msg);
}

void logger_failure(enum logger_level level, const char *who, const struct error *err)
{
    assert(err != NULL);
    if (level >= level_of(part_of(who)))
        emit(level, who, err, err->msg);
}
