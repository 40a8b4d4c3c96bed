/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_STR_H
#define BASE_STR_H

/*
 * A borrowed piece of bytes: pointer and length, not terminated, may hold any byte. Who owns the
 * bytes, and for how long they live, is said where a str is handed out. A value; any thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *p;
    size_t n;
};

#define STR(literal) ((struct str){ "" literal, sizeof(literal) - 1 })
#define STR_ARG(s)   ((int)(s).n), ((s).p) /* for "%.*s"; the caller bounds the length */
#define STR_NONE     ((struct str){ NULL, 0 })

static inline struct str str_make(const void *p, size_t n)
{
    return (struct str){ p, n };
}

static inline struct str str_from(const char *text)
{
    return (struct str){ text, strlen(text) };
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_is(struct str a, const char *text)
{
    return str_eq(a, str_from(text));
}

static inline bool str_starts(struct str s, struct str prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

/* Order of the bytes as unsigned; a prefix comes first. */
int str_cmp(struct str a, struct str b);
/* Position of the first `c`, or s.n when there is none. */
size_t str_find(struct str s, char c);
/* Without leading and trailing spaces, tabs and line ends. */
struct str str_trim(struct str s);
/* Copies as much as fits and terminates; returns false when it was cut. size > 0. */
bool str_copy(struct str s, char *ret_text, size_t size);
/* 64-bit hash (FNV-1a with a final mix); the same in every process, so it may be stored. */
uint64_t str_hash(struct str s);

/* Whole-text numbers: no spaces, no sign but '-' for the signed one, nothing left over. */
bool str_to_u64(struct str s, uint64_t *ret_value);
bool str_to_i64(struct str s, int64_t *ret_value);
/* 1 to 65535. */
bool str_to_port(struct str s, uint16_t *ret_port);
/* The value of a hexadecimal digit, or -1. */
int str_hex_digit(char c);
/* Hexadecimal without prefix, at most 16 digits. */
bool str_to_hex64(struct str s, uint64_t *ret_value);
/* The other way: exactly so many lower-case digits, not terminated. */
void str_put_hex(char *to, uint64_t value, size_t digits);
/* With every %XX decoded, terminated; `to` has room for s.n + 1 bytes. False: a % without two digits, or a NUL. */
bool str_percent_decode(struct str s, char *to);
/* Valid UTF-8 without surrogates and over-long forms. */
bool str_is_utf8(struct str s);
/* Edit distance (Levenshtein with transpositions), for "did you mean"; capped at 64 bytes a side. */
unsigned str_distance(struct str a, struct str b);

#endif
