/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_HTTP_H
#define SINK_HTTP_H

/*
 * The parts of the HTTP sink.
 *
 *   http_conf.c     the configuration's keys                         http_url.c    addresses with holes
 *   http_request.c  change -> id, headers' values, body (pure)       http_sign.c   Standard Webhooks
 *   http_plan.c     batch -> requests, what waits for what (pure)    http_marks.c  what is stored of it
 *   http_reply.c    answer -> verdict (pure)                         http_head.c   a request's headers
 *   http_client.c   requests under way                               http_curl.c   libcurl as it is used here
 *   http_left.c     from one run to the next
 *   http.c          the contract of sink.h: puts the others to work
 *
 * All on the sink's deliver thread.
 */

#include "net/net.h"
#include "sink/sink.h"

#include <openssl/types.h>

/* ---- configuration -------------------------------------------------------------------------------- */

enum http_envelope { HTTP_ENVELOPE_ROW, HTTP_ENVELOPE_DEBEZIUM };
enum http_format { HTTP_FORMAT_JSON_ARRAY, HTTP_FORMAT_NDJSON };
enum http_on_delete { HTTP_DELETE_SEND, HTTP_DELETE_SKIP };
enum http_on_truncate { HTTP_TRUNCATE_REFUSE, HTTP_TRUNCATE_SKIP };
enum http_method { HTTP_METHOD_NONE, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE };
enum { HTTP_SECRETS = 4, HTTP_SECRET_MIN = 24, HTTP_SECRET_MAX = 64 };

struct http_url; /* compiled; lives in the configuration's arena */

struct http_route {
    const struct http_url *url; /* NULL: the sink's */
    int method;                 /* HTTP_METHOD_NONE: the sink's */
};

struct http_lines {
    size_t count;
    const char *const *items; /* "Name: value" */
};

struct http_secret {
    size_t n;
    unsigned char key[HTTP_SECRET_MAX];
};

struct http_secrets {
    size_t count;
    struct http_secret items[HTTP_SECRETS];
};

struct http_conf {
    struct http_route all;
    struct http_route on_insert, on_update, on_remove, on_snapshot;
    struct http_lines headers;
    int envelope;
    struct {
        int64_t max;
        int format;
    } batch;
    int on_delete;
    int on_truncate;
    struct http_secrets secrets;
    int64_t timeout_ms;
    int64_t max_in_flight;
    struct net_tls tls; /* without `enabled`: the addresses say it */
};

extern const struct config_key http_keys[];
void http_conf_check(const void *conf, const struct config_node *map, struct config_report *rep);
/* Address and method for a change of this kind, nothing left open; a snapshot's are those of an insert
 * unless given. */
struct http_route http_conf_route(const struct http_conf *conf, enum change_op op);
const char *http_method_name(int method);

/* ---- addresses ------------------------------------------------------------------------------------- */

/* http or https, holes only behind the host, no user, no fragment. ERR_STOP, E_CONFIG_VALUE. */
bool http_url_compile(struct str text, struct arena *a, const struct http_url **ret_url,
                      struct error *err) MUST_CHECK;
bool http_url_has_holes(const struct http_url *url);
bool http_url_is_tls(const struct http_url *url);
/* The host and port, as "host:port"; an IPv6 address keeps its brackets. */
struct str http_url_host(const struct http_url *url);
struct str http_url_text(const struct http_url *url);
struct str http_url_missing(const struct http_url *url, const struct relation *rel);
/* Appends the address, values URL-encoded. `server_name`, if any, stands in for the host's name.
 * ERR_REJECT: a value is NULL, unknown, empty in the path, or would climb in it. */
bool http_url_render(const struct http_url *url, const char *server_name, const struct change *c,
                     struct buf *b, struct error *err) MUST_CHECK;
/* Unreserved characters (RFC 3986) as they are, all others as %XX. */
void http_url_encode(struct str s, struct buf *b);

/* ---- signatures ------------------------------------------------------------------------------------ */

/* "whsec_" and base64 of 24 to 64 bytes. */
bool http_secret_parse(struct str text, struct http_secret *ret_secret);

struct http_signer {
    size_t count;
    EVP_MAC_CTX *macs[HTTP_SECRETS]; /* each with its key set */
};

bool http_signer_init(struct http_signer *s, const struct http_secrets *secrets,
                      struct error *err) MUST_CHECK;
void http_signer_done(struct http_signer *s);
/* Appends "v1,<base64>", one for each secret, a space between. */
bool http_sign(struct http_signer *s, struct str id, struct str timestamp, struct str body,
               struct buf *b, struct error *err) MUST_CHECK;

/* ---- requests -------------------------------------------------------------------------------------- */

/* The changes of one request: those of changes[0..count) whose state is HTTP_PENDING. */
struct http_rows {
    const struct change *changes;
    const uint8_t *states;
    size_t count;
    bool batched; /* batch.max > 1: the body is a list, even of one */
};

/* msg_<epoch><commit end><ordinal>; of a list, of its first and last and how many they are. */
void http_put_id(const struct http_rows *rows, struct buf *b);
/* "insert", or "mixed" for a list of several kinds. */
const char *http_op(const struct http_rows *rows);
/* The columns left out, URL-encoded, commas between; of a list, those of its first row. */
void http_put_unchanged(const struct change *c, struct buf *b);
void http_put_body(const struct http_conf *conf, const char *pipeline, const struct http_rows *rows,
                   struct buf *b);
/* May b stand in a list behind a? (the headers must be true for both) */
bool http_together(const struct http_conf *conf, const struct change *a, const struct change *b);

/* ---- answers --------------------------------------------------------------------------------------- */

enum http_verdict { HTTP_ACCEPTED, HTTP_AGAIN, HTTP_REFUSED, HTTP_STOP };

enum {
    HTTP_RETRY_AFTER_MAX_MS = 5 * 60 * 1000, /* the server is asked again after that in any case */
    HTTP_LOCATION_KEPT = 200,
    HTTP_SHOWN = 300, /* bytes of an answer's body that a message shows */
};

struct http_reply {
    unsigned status;        /* 0: no answer */
    int64_t retry_after_ms; /* -1: not given */
    char location[HTTP_LOCATION_KEPT];
    struct buf body;     /* its start */
    size_t body_bytes;   /* of all of it */
    size_t header_bytes; /* of all headers, of interim answers too */
};

void http_reply_init(struct http_reply *r);
void http_reply_done(struct http_reply *r);
void http_reply_clear(struct http_reply *r);
/* One header line or status line as it came. False: too many, break off. */
bool http_reply_header(struct http_reply *r, struct str line, int64_t now_real_us);
/* False: more than anyone reads, break off. */
bool http_reply_body(struct http_reply *r, struct str bytes);
/* Seconds or an HTTP date; *ret_ms is 0 to HTTP_RETRY_AFTER_MAX_MS. */
bool http_retry_after(struct str value, int64_t now_real_us, int64_t *ret_ms);
enum http_verdict http_reply_verdict(const struct http_reply *r);
/* What the server said, as an error that fits the verdict (but HTTP_ACCEPTED). */
bool http_reply_error(const struct http_reply *r, const char *host, struct error *err);

/* ---- the plan of a batch --------------------------------------------------------------------------- */

enum http_state {
    HTTP_PENDING = 1,
    HTTP_DONE = 2,
    HTTP_SKIPPED = 0, /* the configuration leaves it out */
    HTTP_BAD = 3,     /* refused, for `reasons[i]` */
    HTTP_HELD = 4     /* behind a refused one of the same key */
};

/* One request: the changes from..to-1 of the batch. */
struct http_unit {
    uint32_t from, to;
    uint32_t waits; /* changes before it, of its keys, whose requests are not finished */
    bool finished;
};

struct http_reason {
    enum error_code code;
    const char *text;
};

/* Kept from one try of a batch to the next. Changes are named by their index. */
struct http_plan {
    struct arena arena;
    bool valid;
    struct position before, after;
    size_t count;
    size_t end;      /* changes from here on are not sent: a truncate that is refused, or count */
    uint8_t *states; /* enum http_state */
    struct position *positions;
    uint32_t *key_of; /* change -> key */
    uint32_t *next;   /* the next change of the same key, or UINT32_MAX */
    uint32_t *unit_of;
    bool *key_bad;               /* key -> one of its changes was refused */
    struct http_reason *reasons; /* of HTTP_BAD */
    struct http_unit *units;
    size_t unit_count;
    uint32_t *ready; /* units that wait for nothing, as a queue */
    size_t ready_first, ready_n;
};

/* Where a list began and ended when it was sent. */
struct http_mark {
    struct position first, last;
    uint32_t count;
};

struct http_marks {
    size_t count;
    const struct http_mark *items;
};

void http_plan_init(struct http_plan *p);
void http_plan_done(struct http_plan *p);
/* Is it the plan of this batch? */
bool http_plan_is_for(const struct http_plan *p, const struct batch *b);
/* Cuts the batch into requests; along `marks` where they fit. Changes whose positions are among `sent`
 * are done. */
void http_plan_make(struct http_plan *p, const struct http_conf *conf, const struct batch *b,
                    const struct http_marks *marks, const struct position *sent, size_t sent_count);
/* Before each try: counts what waits for what anew and fills the queue. */
void http_plan_start(struct http_plan *p);
/* The next request to send, or NULL. Holds back changes behind refused ones. */
struct http_unit *http_plan_next(struct http_plan *p);
/* It was answered: its pending changes become `state`, and what waited for it may go. */
void http_plan_finish(struct http_plan *p, struct http_unit *u, enum http_state state,
                      struct http_reason reason);

/* ---- what is stored ---------------------------------------------------------------------------------- */

/* The plan's lists, for the store, and behind them those of `rest` that begin after the batch. */
void http_marks_encode(const struct http_plan *p, const struct batch *b,
                       const struct http_marks *rest, struct buf *ret);
/* False: not ours. */
bool http_marks_decode(struct str stored, struct arena *a, struct http_marks *ret_marks);
/* The positions that are done, and the position that they go on from. */
void http_sent_encode(struct position before, const struct position *sent, size_t count,
                      struct buf *ret);
bool http_sent_decode(struct str stored, struct arena *a, struct position *ret_before,
                      const struct position **ret_sent, size_t *ret_count);

/* ---- requests under way ------------------------------------------------------------------------------------------ */

struct http_client;

struct http_request {
    const char *url; /* terminated; copied */
    int method;
    const char *op;
    struct str unchanged; /* empty: none */
};

/* What a finished exchange came to. `failure` is set when there was no whole answer. */
struct http_result {
    void *tag;
    const struct http_reply *reply; /* until the next call */
    bool failed;
    struct error failure;
};

bool http_client_open(const struct http_conf *conf, const struct sink_env *env,
                      struct http_client **ret_client, struct error *err) MUST_CHECK;
void http_client_close(struct http_client *c);
bool http_client_has_room(const struct http_client *c);
size_t http_client_in_flight(const struct http_client *c);
/* Where the next request's id and body are to be written; emptied. There must be room. */
void http_client_next(struct http_client *c, struct buf **ret_id, struct buf **ret_body);
/* Sends what http_client_next gave, once it was filled. `tag` comes back with the result. */
bool http_client_send(struct http_client *c, const struct http_request *req, void *tag,
                      struct error *err) MUST_CHECK;
/* Waits until something came back, the stop fd is set or the time is over. */
bool http_client_wait(struct http_client *c, int timeout_ms, bool watch_stop,
                      struct error *err) MUST_CHECK;
/* One finished exchange; false when there is none now. */
bool http_client_result(struct http_client *c, struct http_result *ret_result);
/* Gives up what is in flight. */
void http_client_abandon(struct http_client *c);
/* Connects to the address, with TLS where it has it, and hangs up. */
bool http_client_probe(struct http_client *c, const char *url, struct error *err) MUST_CHECK;

#endif
