/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_HTTP_CURL_H
#define SINK_HTTP_CURL_H

/*
 * libcurl, kept on a short lead: HTTP/1.1 over http and https only, no redirects, no proxy or netrc from
 * the environment, no cookies, certificates checked. And what its failures mean here.
 */

#include "sink/http.h"

#include <curl/curl.h>

/* Before anything else, as often as one likes; any thread. ERR_STOP, E_SYS_RESOURCE. */
bool http_curl_start(struct error *err) MUST_CHECK;

/* The functions below give false when libcurl has no memory or lacks what is asked for. */

/* Appends to a list that is the caller's to free, and may be NULL. */
bool http_curl_add(struct curl_slist **list, const char *line);
/* Where the host really is when the address names tls.server_name as its host; else the list stays as it
 * is. */
bool http_curl_connect_to(const struct http_conf *conf, struct curl_slist **list);
/* All that is the same for every request of a sink. `connect_to` is borrowed by the handle. */
bool http_curl_set_up(CURL *easy, const struct http_conf *conf, struct curl_slist *connect_to);

/* Words a failed exchange. `why` is from CURLOPT_ERRORBUFFER, may be empty. Always false. */
bool http_curl_error(CURLcode code, const char *why, struct str host, struct error *err);

#endif
