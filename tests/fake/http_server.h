/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FAKE_HTTP_SERVER_H
#define FAKE_HTTP_SERVER_H

/*
 * An HTTP server with scripted faults, in a child process of the test. The script is a function that is
 * called in the child for each request and says, byte for byte, what goes back and when. What came in is
 * kept in memory that both share, so that the test can look at it at any time.
 *
 *     struct fake_http *f = fake_http_start(script);
 *     ... fake_http_port(f) ... fake_http_count(f) ... fake_http_request(f, 0)->body ...
 *     fake_http_stop(f);
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FAKE_HTTP_REQUESTS = 8192, FAKE_HTTP_BODY = 1024 };

struct fake_http_request {
    char method[8];
    char path[128];
    char headers[1024]; /* as they came, from the second line on */
    char body[FAKE_HTTP_BODY];
    size_t body_n; /* of all of it, also when not all is kept */
    long key;      /* the number behind "id": in the body */
};

struct fake_http_answer {
    const char *bytes; /* whole answer; NULL: 200 with nothing in it */
    int delay_ms;
    bool close;   /* hang up behind it */
    bool endless; /* go on with letters until the client hangs up */
    bool silent;  /* never answer */
};

typedef void fake_http_script(size_t nth, const struct fake_http_request *req,
                              struct fake_http_answer *ret_answer);

#define FAKE_HTTP_STATUS(line) "HTTP/1.1 " line "\r\nContent-Length: 0\r\n\r\n"

struct fake_http;

/* NULL script: 200 for everything. Ends the test when it cannot start. */
struct fake_http *fake_http_start(fake_http_script *script);
/* At a port that is known, as after fake_http_stop of an earlier one. */
struct fake_http *fake_http_start_at(fake_http_script *script, uint16_t port);
void fake_http_stop(struct fake_http *f);
uint16_t fake_http_port(const struct fake_http *f);
size_t fake_http_count(const struct fake_http *f);
const struct fake_http_request *fake_http_request(const struct fake_http *f, size_t nth);
/* A header of the request, or "" */
const char *fake_http_header(const struct fake_http_request *req, const char *name, char *text,
                             size_t size);
/* How often a request came in while another of the same key was not answered yet. */
size_t fake_http_overlaps(const struct fake_http *f);
size_t fake_http_connections(const struct fake_http *f);

#endif
