/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "cli/receive.h"

#include <errno.h>
#include <stdlib.h>

/* A body in which every byte needs six ("\u0001"), and the words around it. */
#define LINE_LIMIT  (6 * LIMIT_HTTP_BODY + 64 * KIB)
#define LINE_KEPT   (1 * MIB)
#define STDIO_BYTES (64 * KIB)

/* Line ends in valid JSON stand only between tokens. */
static void put_one_line(struct buf *b, struct str json)
{
    size_t from = b->n;

    buf_str(b, json);
    for (size_t i = from; i < b->n; i++) {
        if (b->p[i] == '\n' || b->p[i] == '\r')
            b->p[i] = ' ';
    }
}

void receive_put_body(struct buf *b, struct str body)
{
    struct str text = str_trim(body);

    if (json_is_valid(text))
        put_one_line(b, text);
    else
        json_string(b, body);
}

/* {a}\n{b}\n -> [{a},{b}] */
static void put_lines(struct buf *b, struct str body)
{
    bool first = true;

    buf_u8(b, '[');
    while (body.n > 0) {
        size_t end = str_find(body, '\n');
        struct str line = str_trim(str_make(body.p, end));

        if (line.n > 0) {
            buf_str(b, first ? STR("") : STR(","));
            receive_put_body(b, line);
            first = false;
        }
        end += end < body.n ? 1 : 0;
        body = str_make(body.p + end, body.n - end);
    }
    buf_u8(b, ']');
}

void receive_put_record(struct buf *b, const struct receive_request *req)
{
    buf_str(b, STR("{\"id\":"));
    json_string(b, req->id);
    buf_str(b, STR(",\"op\":"));
    json_string(b, req->op);
    buf_str(b, STR(",\"body\":"));
    if (req->lines)
        put_lines(b, req->body);
    else
        receive_put_body(b, req->body);
    buf_u8(b, '}');
}

bool receive_printer_init(struct receive_printer *p, const struct receive_opts *opts,
                          struct error *err)
{
    *p = (struct receive_printer){ .to_stdout = !opts->quiet };
    buf_init(&p->line, LINE_LIMIT);
    if (opts->out_path != NULL) {
        p->out = fopen(opts->out_path, "ae");
        if (p->out == NULL)
            return error_sys(err, ERR_STOP, E_SYS_FILE, errno, "cannot open \"%s\"",
                             opts->out_path);
        (void)setvbuf(p->out, NULL, _IOFBF, STDIO_BYTES);
    }
    if (p->to_stdout)
        (void)setvbuf(stdout, NULL, _IOFBF, STDIO_BYTES);
    return true;
}

void receive_printer_done(struct receive_printer *p)
{
    if (p->out != NULL)
        (void)fclose(p->out); /* flushed after every line */
    p->out = NULL;
    buf_done(&p->line);
}

static bool put_line(struct receive_printer *p, FILE *to, const char *what, struct error *err)
{
    buf_u8(&p->line, '\n');
    if (!buf_ok(&p->line))
        return error_set(err, ERR_STOP, E_SYS_LIMIT, "cannot write to %s: a line passes %zu bytes",
                         what, p->line.limit);
    if (fwrite(p->line.p, 1, p->line.n, to) != p->line.n)
        return error_sys(err, ERR_STOP, E_SYS_FILE, errno, "cannot write to %s", what);
    buf_shrink(&p->line, LINE_KEPT);
    return true;
}

bool receive_print(struct receive_printer *p, const struct receive_request *req, struct error *err)
{
    if (p->out != NULL) {
        receive_put_record(&p->line, req);
        if (!put_line(p, p->out, "the file of --out", err))
            return false;
        if (fflush(p->out) != 0)
            return error_sys(err, ERR_STOP, E_SYS_FILE, errno, "cannot write to the file of --out");
    }
    if (!p->to_stdout)
        return true;
    receive_put_body(&p->line, req->body);
    return put_line(p, stdout, "standard output", err);
}

bool receive_flush(struct receive_printer *p, struct error *err)
{
    if (p->to_stdout && fflush(stdout) != 0)
        return error_sys(err, ERR_STOP, E_CLI_OUTPUT, errno, "cannot write to standard output");
    return true;
}
