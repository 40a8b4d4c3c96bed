/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

/*
 * Writing JSON into a buf (RFC 8259). Pure; the buf's ceiling and `failed` flag hold. Reading JSON is
 * jansson's work.
 */

#include "base/buf.h"

/* "text" with the quotes. Escapes " \ and control characters; bytes that are not valid UTF-8 become
 * U+FFFD, so that the output is always valid JSON. */
void json_string(struct buf *b, struct str s);
/* The same without the quotes. */
void json_escaped(struct buf *b, struct str s);

/* "name": with the comma before it when *first is false; sets *first to false. */
void json_key(struct buf *b, bool *first, const char *name);

/* Is s exactly one JSON number (RFC 8259 section 6)? */
bool json_is_number(struct str s);
/* Is s exactly one JSON text, nested at most LIMIT_JSON_DEPTH deep? Pure check, nothing is built. */
bool json_is_valid(struct str s);

#endif
