/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/receive.h"
#include "base/wake.h"
#include "cli/cli.h"

#include <signal.h>

const char cli_receive_usage[] =
    "multisink receive                       print what is sent to http://127.0.0.1:5000/api\n"
    "multisink receive --out got.jsonl -q    keep it in a file: {\"id\":...,\"op\":...,\"body\":...}\n"
    "multisink receive --status 503          refuse everything, to see what a sink does then\n"
    "\n"
    "A receiver for trying things out. Every request with a body is answered 200 with nothing in it,\n"
    "and its body is printed on one line. Ends with Ctrl-C.\n"
    "\n"
    "  --listen HOST:PORT   where to listen (127.0.0.1:5000)\n"
    "  --port N             the port alone; 0 takes one that is free and says which\n"
    "  --path PATH          path to serve, with everything below it (/api)\n"
    "  --status N           answer with this status; what is not answered 2xx is not printed\n"
    "  --delay DURATION     wait before answering, for example 200ms or 2s\n"
    "  --fail-every N       answer every N-th request with 503\n"
    "  --out FILE           append id, operation and body of each request as a line of JSON\n"
    "  -q, --quiet          print no bodies\n";

enum { DELAY_MS_MAX = 3600 * 1000 };

static struct wake stop = { .fd = -1 };

static void on_signal(int number)
{
    (void)number;
    wake_set(&stop);
}

static bool catch_signals(void)
{
    struct sigaction action = { .sa_handler = on_signal };

    return sigaction(SIGINT, &action, NULL) == 0 && sigaction(SIGTERM, &action, NULL) == 0;
}

/* "127.0.0.1:5000", "[::1]:5000" or "localhost:5000". */
static bool parse_listen(struct str text, struct receive_opts *opts)
{
    size_t colon = text.n;
    struct str host;
    uint64_t port;

    while (colon > 0 && text.p[colon - 1] != ':')
        colon--;
    if (colon < 2 || !str_to_u64(str_make(text.p + colon, text.n - colon), &port) || port > 65535)
        return false;
    host = str_make(text.p, colon - 1);
    if (host.p[0] == '[' && host.p[host.n - 1] == ']')
        host = str_make(host.p + 1, host.n - 2);
    opts->port = (uint16_t)port;
    return str_copy(host, opts->host, sizeof opts->host);
}

static bool parse_delay(struct str text, int64_t *ret_ms)
{
    size_t digits = 0;
    struct str unit;
    uint64_t number;

    while (digits < text.n && text.p[digits] >= '0' && text.p[digits] <= '9')
        digits++;
    unit = str_make(text.p + digits, text.n - digits);
    if (!str_to_u64(str_make(text.p, digits), &number) || number > DELAY_MS_MAX)
        return false;
    if (str_is(unit, "s"))
        number *= 1000;
    else if (!str_is(unit, "ms"))
        return false;
    *ret_ms = (int64_t)number;
    return number <= DELAY_MS_MAX;
}

/* CLI_OK, or what was said to be wrong. */
static int parse(int argc, char **argv, struct receive_opts *opts)
{
    const char *listen = "127.0.0.1:5000";
    const char *delay = "0ms";
    int64_t port = -1;
    int64_t status = 200;
    int count;
    const struct cli_option options[] = {
        { "listen", 0, CLI_TEXT, &listen },
        { "port", 0, CLI_NUMBER, &port },
        { "path", 0, CLI_TEXT, &opts->path },
        { "status", 0, CLI_NUMBER, &status },
        { "delay", 0, CLI_TEXT, &delay },
        { "fail-every", 0, CLI_NUMBER, &opts->fail_every },
        { "out", 0, CLI_TEXT, &opts->out_path },
        { "quiet", 'q', CLI_FLAG, &opts->quiet },
        { NULL, 0, CLI_FLAG, NULL },
    };

    if (!cli_parse(argc, argv, options, &count))
        return CLI_USAGE;
    if (count > 0)
        return cli_usage_error("receive", "it takes no arguments, only options");
    if (!parse_listen(str_from(listen), opts))
        return cli_usage_error("receive", "--listen \"%s\" is not HOST:PORT", listen);
    if (port > 65535)
        return cli_usage_error("receive", "--port %lld is above 65535", (long long)port);
    if (port >= 0)
        opts->port = (uint16_t)port;
    if (status < 200 || status > 599)
        return cli_usage_error("receive", "--status %lld is not within 200 to 599",
                               (long long)status);
    opts->status = (unsigned)status;
    if (!parse_delay(str_from(delay), &opts->delay_ms))
        return cli_usage_error("receive", "--delay \"%s\" is not like 200ms or 2s, up to an hour",
                               delay);
    if (opts->path[0] != '/')
        return cli_usage_error("receive", "--path \"%s\" does not start with /", opts->path);
    if (opts->fail_every < 0)
        return cli_usage_error("receive", "--fail-every must not be negative");
    return CLI_OK;
}

static bool serve(const struct receive_opts *opts, struct receive_printer *printer,
                  struct error *err)
{
    struct receive_server *server;
    const char *brackets = strchr(opts->host, ':') != NULL ? "[]" : "";
    bool ok;

    if (!receive_server_open(opts, printer, &server, err))
        return false;
    (void)fprintf(stderr, "listening on http://%.1s%s%s:%u%s\n", brackets, opts->host,
                  brackets[0] != '\0' ? brackets + 1 : "", (unsigned)receive_server_port(server),
                  opts->path);
    ok = receive_server_run(server, stop.fd, err);
    (void)fprintf(stderr, "%llu requests received\n",
                  (unsigned long long)receive_server_count(server));
    receive_server_close(server);
    return ok;
}

int cli_receive(int argc, char **argv)
{
    struct receive_opts opts = { .path = "/api" };
    struct receive_printer printer;
    struct error err;
    bool ok;
    int rc = parse(argc, argv, &opts);

    if (rc != CLI_OK)
        return rc;
    if (!wake_init(&stop, &err))
        return cli_failure(&err);
    if (!catch_signals())
        return CLI_RUNTIME;
    ok = receive_printer_init(&printer, &opts, &err) && serve(&opts, &printer, &err);
    receive_printer_done(&printer);
    wake_done(&stop);
    return ok ? CLI_OK : cli_failure(&err);
}
