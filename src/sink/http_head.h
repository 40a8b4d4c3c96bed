/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_HTTP_HEAD_H
#define SINK_HTTP_HEAD_H

/*
 * The headers of a request, as the list that libcurl reads. No I/O.
 *
 * Life cycle: http_head_init -> http_head_put, any number of times -> http_head_done. The list is
 * `list`, from its first element; it is valid until the next put. One thread.
 */

#include "sink/http.h"

#include <curl/curl.h>

enum http_head_line {
    HTTP_HEAD_ID,
    HTTP_HEAD_KEY,
    HTTP_HEAD_TIME,
    HTTP_HEAD_OP,
    HTTP_HEAD_UNCHANGED,
    HTTP_HEAD_SIGNATURE,
    HTTP_HEAD_LINES
};

struct http_head {
    struct buf lines[HTTP_HEAD_LINES];
    struct curl_slist list[HTTP_HEAD_LINES];
};

struct http_head_values {
    struct str id;
    struct str body; /* what is signed */
    const char *op;
    struct str unchanged; /* empty: none */
    int64_t real_s;
    struct http_signer *signer;
};

/* Stays where it is from then on: libcurl is given the list's address. */
void http_head_init(struct http_head *h);
void http_head_done(struct http_head *h);
/* The headers that are the same for every request of a sink, appended to a list that is the caller's to free.
 * False: no memory. */
bool http_head_fixed(const struct http_conf *conf, struct curl_slist **list);
/* Fills the lines and links `fixed` behind them; it is borrowed. False: as http_sign. */
bool http_head_put(struct http_head *h, const struct http_head_values *v, struct curl_slist *fixed,
                   struct error *err) MUST_CHECK;

#endif
