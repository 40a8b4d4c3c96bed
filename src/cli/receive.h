/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_RECEIVE_H
#define CLI_RECEIVE_H

/*
 * The parts of `multisink receive`: receive.c reads the words and runs the loop, receive_http.c answers
 * requests (libmicrohttpd, driven by our own loop), receive_print.c writes down what came. One thread.
 */

#include "base/buf.h"
#include "base/error.h"

#include <stdint.h>
#include <stdio.h>

struct receive_opts {
    char host[64]; /* address to listen on */
    uint16_t port; /* 0: any that is free */
    const char *path;
    unsigned status; /* the answer, 100 to 599 */
    int64_t delay_ms;
    int64_t fail_every; /* each n-th request is answered 503; 0: none */
    const char *out_path;
    bool quiet;
};

/* ---- printing ----------------------------------------------------------------------------------- */

struct receive_printer {
    bool to_stdout;
    FILE *out; /* --out, or NULL */
    struct buf line;
};

/* One request as it came; everything is borrowed. */
struct receive_request {
    struct str id; /* webhook-id; empty when there is none */
    struct str op; /* x-multisink-op */
    struct str body;
    bool lines; /* the body is JSON, one document a line */
};

/* ERR_STOP, E_SYS_FILE when --out cannot be opened. */
bool receive_printer_init(struct receive_printer *p, const struct receive_opts *opts,
                          struct error *err) MUST_CHECK;
void receive_printer_done(struct receive_printer *p);
/* --out has the line when this returns, so that an answer is never ahead of it; standard output is
 * buffered until receive_flush. */
bool receive_print(struct receive_printer *p, const struct receive_request *req,
                   struct error *err) MUST_CHECK;
bool receive_flush(struct receive_printer *p, struct error *err) MUST_CHECK;

/* The line of a body for people: JSON on one line, anything else as a JSON string. */
void receive_put_body(struct buf *b, struct str body);
/* The line of --out: {"id":...,"op":...,"body":...}. */
void receive_put_record(struct buf *b, const struct receive_request *req);

/* ---- serving ------------------------------------------------------------------------------------ */

struct receive_server;

/* Listens. Errors: ERR_STOP, E_RECEIVE_LISTEN. */
bool receive_server_open(const struct receive_opts *opts, struct receive_printer *printer,
                         struct receive_server **ret_server, struct error *err) MUST_CHECK;
void receive_server_close(struct receive_server *s);
uint16_t receive_server_port(const struct receive_server *s);
uint64_t receive_server_count(const struct receive_server *s);
/* Serves until the flag behind stop_fd is set. A failure is the printer's. */
bool receive_server_run(struct receive_server *s, int stop_fd, struct error *err) MUST_CHECK;

#endif
