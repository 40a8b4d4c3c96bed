/* SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { WIDTH_DEFAULT = 80, WIDTH_MIN = 40, WIDTH_MAX = 200 };

/* A message with all that goes with it; far above struct error's text and a usage text. */
#define MESSAGE_LIMIT (16 * KIB)

bool cli_color(int fd)
{
    /* Read before any thread is started. */
    const char *no_color = getenv("NO_COLOR"); /* NOLINT(concurrency-mt-unsafe) */
    const char *term = getenv("TERM");         /* NOLINT(concurrency-mt-unsafe) */

    if (cli_globals()->no_color || (no_color != NULL && no_color[0] != '\0'))
        return false;
    if (term != NULL && strcmp(term, "dumb") == 0)
        return false;
    return isatty(fd) == 1;
}

int cli_width(int fd)
{
    struct winsize size;

    if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return WIDTH_DEFAULT;
    if (size.ws_col < WIDTH_MIN)
        return WIDTH_MIN;
    return size.ws_col > WIDTH_MAX ? WIDTH_MAX : size.ws_col;
}

static void put_line_end(struct buf *b, int indent)
{
    buf_text(b, "\n");
    for (int i = 0; i < indent; i++)
        buf_text(b, " ");
}

int cli_columns(struct str s)
{
    int n = 0;

    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xC0) != 0x80;
    return n;
}

void cli_put_wrapped(struct buf *b, const char *text, int indent, int width)
{
    int column = indent;

    while (*text != '\0') {
        size_t n = strcspn(text, " \n");
        int wide = cli_columns(str_make(text, n));

        if (column > indent && column + 1 + wide > width) {
            put_line_end(b, indent);
            column = indent;
        } else if (column > indent && n > 0) {
            buf_text(b, " ");
            column++;
        }
        buf_put(b, text, n);
        column += wide;
        text += n;
        if (*text == '\n') {
            put_line_end(b, indent);
            column = indent;
        }
        if (*text != '\0')
            text++;
    }
}

const char *cli_nearest(const char *word, const char *const *names, size_t count)
{
    return config_nearest(str_from(word), names, count);
}

static void to_stderr(struct buf *b)
{
    (void)fwrite(b->p, 1, b->n, stderr);
    buf_done(b);
}

/* "error[E0412]: ", in red where that is wanted. */
static void put_head(struct buf *b, const char *code)
{
    bool color = cli_color(STDERR_FILENO);

    buf_putf(b, "%serror[%s]%s: ", color ? "\033[1;31m" : "", code, color ? "\033[0m" : "");
}

/* What was typed may hold anything; a terminal must not obey it. */
static void put_safe(struct buf *b, const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7F)
            buf_putf(b, "\\x%02X", (unsigned char)*text);
        else
            buf_put(b, text, 1);
    }
}

int cli_usage_fault(enum error_code code, const char *command, const char *fmt, ...)
{
    struct error err;
    char text[512];
    struct buf b;
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    (void)error_set(&err, ERR_STOP, code, "%s", "");
    buf_init(&b, MESSAGE_LIMIT);
    put_head(&b, err.code);
    if (command != NULL && cli_command_find(command) != NULL)
        buf_putf(&b, "multisink %s: ", command);
    put_safe(&b, text);
    if (command != NULL && cli_command_find(command) != NULL)
        buf_putf(&b, "\nNothing was done. See: multisink help %s\n", command);
    else
        buf_text(&b, "\nNothing was done. See: multisink help\n");
    to_stderr(&b);
    return CLI_USAGE;
}

int cli_usage_error(const char *command, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return cli_usage_fault(E_CLI_ARGUMENT, command, "%s", text);
}

/* By the hundreds of the code (errcode.def) where they say whose fault it is, else by the kind. */
int cli_exit_of(const struct error *err)
{
    const struct error_page *page = err->code[0] != '\0' ? error_page_find(err->code) : NULL;
    int number = page != NULL ? page->number : 0;

    if (err->kind == ERR_CANCEL)
        return CLI_OK;
    if (number == E_NOT_RUNNING)
        return CLI_UNREACHABLE;
    switch (number / 100) {
    case 1:
    case 2:
        return CLI_USAGE;
    case 8:
        return CLI_DATA;
    case 9:
        return CLI_RUNTIME;
    default:
        break;
    }
    if (number >= E_NET_RESOLVE && number <= E_TLS_SETUP)
        return CLI_UNREACHABLE;
    if (err->kind == ERR_CORRUPT || err->kind == ERR_REJECT)
        return CLI_DATA;
    return err->kind == ERR_RETRY ? CLI_UNREACHABLE : CLI_RUNTIME;
}

int cli_failure(const struct error *err)
{
    struct buf b;

    buf_init(&b, MESSAGE_LIMIT);
    put_head(&b, err->code[0] != '\0' ? err->code : "E0905");
    cli_put_wrapped(&b, err->msg, 0, cli_width(STDERR_FILENO));
    if (err->code[0] != '\0')
        buf_putf(&b, "\nMore: multisink explain %s\n", err->code);
    else
        buf_text(&b, "\n");
    to_stderr(&b);
    return cli_exit_of(err);
}

bool cli_print(const struct buf *b)
{
    struct error err;

    errno = 0;
    if ((b->n == 0 || fwrite(b->p, 1, b->n, stdout) == b->n) && fflush(stdout) == 0)
        return true;
    /* A reader that stopped early (head, less) is no fault worth a word. */
    if (errno != EPIPE) {
        (void)error_sys(&err, ERR_STOP, E_CLI_OUTPUT, errno, "cannot write to standard output");
        (void)cli_failure(&err);
    }
    return false;
}

int cli_finish(struct buf *b)
{
    bool ok = cli_print(b);

    buf_done(b);
    return ok ? CLI_OK : CLI_RUNTIME;
}
