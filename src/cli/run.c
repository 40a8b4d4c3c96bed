/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "base/limits.h"
#include "base/logger.h"
#include "cli/cli.h"
#include "cli/notify.h"
#include "control/connect_server.h"
#include "control/connect_worker.h"
#include "sink/sink.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

const char cli_run_usage[] =
    "multisink run                           carry the changes of ./pipeline.yaml\n"
    "multisink run pipeline.yaml             the same for a file of that name\n"
    "multisink run --data /var/lib/multisink driven over REST, as Kafka Connect is\n"
    "multisink run --data DIR --brokers localhost:9092    the same, writing and reading Kafka's topics\n"
    "multisink run --resnapshot              begin anew: new slot, new copy of the tables\n"
    "multisink run --restart-sink top        send the sink `top` all that the log still holds\n"
    "multisink run --role capture            only from PostgreSQL into Kafka\n"
    "multisink run --role deliver            only from Kafka into the sinks\n"
    "\n"
    "Runs in the foreground until Ctrl-C or SIGTERM: what is under way is finished (10 s at most),\n"
    "positions are saved, and the next start goes on from there. A second signal ends it at once;\n"
    "nothing is lost by that either.\n"
    "\n"
    "  --resnapshot         drop the slot, make it again and copy the tables again. Targets that count\n"
    "                       (Redis increments) must be cleared first\n"
    "  --restart-sink NAME  forget the position of that sink; clear its target first if it counts\n"
    "  --role ROLE          all, capture or deliver, in place of the file's `role`. With `stream.kafka`\n"
    "                       only. A second capture of the same slot waits until the first is gone\n"
    "  --after-debezium FILE  the slot was Debezium's: go on behind the offset in that file, the answer\n"
    "                       of GET /connectors/NAME/offsets. Only where there is no history yet\n"
    "  --data DIR           without a file: connectors come over REST and are kept in DIR\n"
    "  --brokers HOST:PORT,..  with --data: the connectors write and read Kafka's topics, as they do with\n"
    "                       Kafka Connect, in place of a log in DIR\n"
    "  --listen HOST:PORT   where Kafka Connect's REST API is served (127.0.0.1:8083), or off; also\n"
    "                       control.listen in the file, or MULTISINK_LISTEN in the environment\n";

enum { TICK_MS = 1000, STOP_SECONDS = 10 };

#define DEFAULT_LISTEN "127.0.0.1:8083"

static struct wake asked = { .fd = -1 };
static volatile sig_atomic_t signals;

static void on_signal(int number)
{
    (void)number;
    if (++signals > 1)
        _exit(CLI_RUNTIME);
    wake_set(&asked);
}

/* The last resort when something does not end in time. */
static void on_alarm(int number)
{
    static const char text[] =
        "multisink: not everything ended within 10 s; leaving it. Positions are"
        " saved up to what was acknowledged.\n";
    ssize_t n = write(STDERR_FILENO, text, sizeof text - 1);

    (void)number;
    (void)n;
    _exit(CLI_RUNTIME);
}

static bool catch_signals(struct error *err)
{
    struct sigaction stop = { .sa_handler = on_signal };
    struct sigaction late = { .sa_handler = on_alarm };
    struct sigaction ignore = { .sa_handler = SIG_IGN };

    if (!wake_init(&asked, err))
        return false;
    return (sigaction(SIGINT, &stop, NULL) == 0 && sigaction(SIGTERM, &stop, NULL) == 0 &&
            sigaction(SIGALRM, &late, NULL) == 0 && sigaction(SIGPIPE, &ignore, NULL) == 0 &&
            /* A file at the size limit is a full disk: waited out. */
            sigaction(SIGXFSZ, &ignore, NULL) == 0) ||
           error_set(err, ERR_STOP, E_SYS_RESOURCE, "cannot set signal handlers");
}

/* What runs beside each other in this process. */
struct daemon {
    struct config *config;
    struct connect_server *server; /* NULL: without the REST API */
    struct connect_worker *worker;
};

static void handle(void *ctx, const struct connect_call *call, struct connect_reply *reply)
{
    connect_worker_handle(ctx, call, reply);
}

/* Until a signal comes, or there is nothing left to do. */
static void attend(struct daemon *d)
{
    for (;;) {
        int failed = connect_worker_failed_fd(d->worker);
        bool over = wake_is_set(failed);
        struct pollfd fds[3] = { { .fd = asked.fd, .events = POLLIN },
                                 { .fd = -1, .events = POLLIN },
                                 { .fd = over ? -1 : failed, .events = POLLIN } };
        enum supervisor_verdict verdict = connect_worker_tick(d->worker);

        if (verdict == SUPERVISOR_DEAD)
            _exit(CLI_RUNTIME);
        if (verdict == SUPERVISOR_DRAINED || wake_is_set(asked.fd))
            return;
        if (d->server != NULL)
            fds[1].fd = connect_server_fd(d->server);
        /* Once capture has failed its fd stays readable: then only the time is waited for. */
        (void)poll(fds, 3, over ? 100 : TICK_MS);
        if (d->server != NULL)
            connect_server_serve(d->server, handle, d->worker);
    }
}

static void say_start(const struct daemon *d)
{
    const struct config *config = d->config;

    logger_info("multisink", "version %s, pipeline %s, %zu sink(s)", MULTISINK_VERSION,
                config->name, config->sink_count);
    if (d->server != NULL)
        logger_info("connect", "the connectors' REST API is at http%s://%s",
                    config->control.cert != NULL ? "s" : "", connect_server_address(d->server));
}

static int serve(struct daemon *d)
{
    struct error err;
    int code = CLI_OK;

    if (connect_worker_start(d->worker, &err)) {
        say_start(d);
        notify_state("READY=1");
        attend(d);
    } else {
        code = cli_failure(&err);
    }
    notify_state("STOPPING=1");
    (void)alarm(STOP_SECONDS);
    connect_server_close(d->server);
    connect_worker_stop(d->worker);
    if (connect_worker_error(d->worker)->kind != ERR_NONE)
        return cli_failure(connect_worker_error(d->worker));
    if (code == CLI_OK)
        logger_info("multisink", "ended; positions are saved, the slot is kept on the server");
    return code;
}

/* An address that was asked for must be free; the usual one may be another worker's. */
static bool open_server(struct daemon *d, const char *listen, struct error *err)
{
    const struct config_control *control = &d->config->control;
    struct connect_server_opts opts = { .token = control->token,
                                        .cert = control->cert,
                                        .key = control->key };
    bool asked_for = listen != NULL;
    char host[128];
    bool taken;

    if (!asked_for)
        listen = DEFAULT_LISTEN;
    if (strcmp(listen, "off") == 0)
        return true;
    if (!config_listen_parse(listen, host, sizeof host, &opts.port))
        return error_set(err, ERR_STOP, E_CLI_OPTION_VALUE,
                         "cannot listen on \"%s\": it is HOST:PORT or off", listen);
    if (!config_host_is_loopback(host) && (opts.token == NULL || opts.cert == NULL)) {
        return error_set(err, ERR_STOP, E_CONNECT_OPEN,
                         "cannot listen on %s: others than this machine reach it, so that it needs"
                         " control.token and control.tls",
                         listen);
    }
    opts.host = host;
    if (connect_server_open(&opts, &d->server, &taken, err))
        return true;
    if (asked_for || !taken)
        return false;
    logger_warn(
        "connect",
        "port 8083 is taken (by a Kafka Connect?): running without the connectors' REST API;"
        " control: {listen: HOST:PORT} gives it another place");
    return true;
}

static bool sink_known(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->sink_count; i++) {
        if (strcmp(config->sinks[i].name, name) == 0)
            return true;
    }
    return false;
}

/* The role on the command line goes before that of the file, which was checked for its own. */
static bool choose_role(const struct config *config, const char *word, int *ret_role,
                        struct error *err)
{
    static const char *const words[] = { "all", "capture", "deliver" };
    size_t role = 0;

    *ret_role = config->role;
    if (word == NULL)
        return true;
    while (role < 3 && strcmp(words[role], word) != 0)
        role++;
    if (role == 3)
        return error_set(err, ERR_STOP, E_CONFIG_ROLE,
                         "cannot run as \"%s\": --role is all, capture or deliver", word);
    if (role != CONFIG_ROLE_ALL && config->stream.kind == CONFIG_STREAM_LOG) {
        return error_set(err, ERR_STOP, E_CONFIG_ROLE,
                         "cannot run as %s alone: %s keeps the stream in a log, which only the"
                         " process that writes it reads",
                         word, config->path);
    }
    if ((role != CONFIG_ROLE_DELIVER && config->source.node == NULL) ||
        (role != CONFIG_ROLE_CAPTURE && config->sink_count == 0))
        return error_set(err, ERR_STOP, E_CONFIG_ROLE, "cannot run as %s: %s has no %s", word,
                         config->path, config->sink_count == 0 ? "sinks" : "source");
    *ret_role = (int)role;
    return true;
}

struct run_options {
    bool resnapshot;
    const char *restart_sink;
    const char *listen;
    const char *data;
    const char *brokers;
    const char *role;
    const char *after_debezium; /* a file, or NULL */
};

/* The command line, the file, the environment; NULL: nobody said. */
static const char *listen_of(const struct config *config, const struct run_options *options)
{
    if (options->listen != NULL)
        return options->listen;
    if (config->control.listen != NULL)
        return config->control.listen;
    return getenv("MULTISINK_LISTEN"); /* NOLINT(concurrency-mt-unsafe): no thread runs yet */
}

static int run(struct config *config, const struct run_options *options)
{
    const char *listen = listen_of(config, options);
    struct connect_worker_opts opts = { .config = config,
                                        .clock = &clock_system,
                                        .resnapshot = options->resnapshot,
                                        .restart_sink = options->restart_sink };
    struct daemon d = { .config = config };
    struct error err;
    int code;

    if (!choose_role(config, options->role, &opts.role, &err))
        return cli_failure(&err);
    if (opts.restart_sink != NULL && !sink_known(config, opts.restart_sink))
        return cli_usage_error("run", "there is no sink \"%s\" in %s", opts.restart_sink,
                               config->path);
    if (options->after_debezium != NULL &&
        !file_read_all(options->after_debezium, LIMIT_HANDOVER, &opts.handover, &err))
        return cli_failure(&err);
    if (!catch_signals(&err) || !open_server(&d, listen, &err)) {
        free((void *)(uintptr_t)opts.handover.p);
        return cli_failure(&err);
    }
    opts.address = d.server != NULL ? connect_server_address(d.server) : "none";
    if (connect_worker_open(&opts, &d.worker, &err)) {
        code = serve(&d);
        connect_worker_close(d.worker);
    } else {
        code = cli_failure(&err);
        connect_server_close(d.server);
    }
    free((void *)(uintptr_t)opts.handover.p);
    wake_done(&asked);
    return code;
}

/* As many as there are, separated by commas as librdkafka and Connect have them. */
static void put_brokers(struct buf *text, const char *brokers)
{
    struct str rest = str_from(brokers);

    buf_text(text, "kafka: {brokers: [");
    for (;;) {
        size_t comma = str_find(rest, ',');

        buf_quoted(text, str_make(rest.p, comma), '\'');
        if (comma == rest.n)
            break;
        buf_text(text, ", ");
        rest = str_make(rest.p + comma + 1, rest.n - comma - 1);
    }
    buf_text(text, "], ");
}

/* A daemon without a file: all that it has comes over REST. */
static struct config *config_for(const char *dir, const char *brokers)
{
    struct config *config = NULL;
    struct error err;
    struct buf text;

    buf_init(&text, 64 * KIB);
    buf_text(&text, "{version: 1, name: multisink, stream: {");
    if (brokers != NULL)
        put_brokers(&text, brokers);
    else
        buf_text(&text, "log: {");
    buf_text(&text, "dir: ");
    buf_quoted(&text, str_from(dir), '\'');
    buf_text(&text, "}}}\n");
    if (!config_load_text("--data", buf_view(&text), sink_config_kinds(), &config, NULL, &err)) {
        config = NULL;
        (void)cli_failure(&err);
    }
    buf_done(&text);
    return config;
}

int cli_run(int argc, char **argv)
{
    struct run_options run_options = { 0 };
    struct cli_option options[] = { { "resnapshot", 0, CLI_FLAG, &run_options.resnapshot },
                                    { "restart-sink", 0, CLI_TEXT, &run_options.restart_sink },
                                    { "listen", 0, CLI_TEXT, &run_options.listen },
                                    { "data", 0, CLI_TEXT, &run_options.data },
                                    { "brokers", 0, CLI_TEXT, &run_options.brokers },
                                    { "role", 0, CLI_TEXT, &run_options.role },
                                    { "after-debezium", 0, CLI_TEXT, &run_options.after_debezium },
                                    { NULL, 0, CLI_FLAG, NULL } };
    struct config *config;
    int count;
    int code;

    if (!cli_parse(argc, argv, options, &count))
        return CLI_USAGE;
    if (count > 1)
        return cli_usage_error("run", "takes one file, not %d", count);
    if (count == 1 && run_options.data != NULL)
        return cli_usage_error("run", "--data is for a daemon without a file");
    if (count == 1 && run_options.brokers != NULL)
        return cli_usage_error("run", "--brokers is for a daemon without a file; a file has them in"
                                      " stream.kafka.brokers");
    if (run_options.brokers != NULL && run_options.data == NULL)
        return cli_usage_error("run", "--brokers needs --data DIR");
    config = run_options.data != NULL ? config_for(run_options.data, run_options.brokers)
                                      : cli_load_config(count == 1 ? argv[1] : NULL);
    if (config == NULL)
        return CLI_USAGE;
    code = run(config, &run_options);
    config_free(config);
    return code;
}
