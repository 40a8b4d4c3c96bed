/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "base/limits.h"
#include "base/logger.h"
#include "cli/cli.h"
#include "cli/notify.h"
#include "control/control.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

const char cli_run_usage[] =
    "multisink run                           carry the changes of ./pipeline.yaml\n"
    "multisink run pipeline.yaml             the same for a file of that name\n"
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
    "  --after-debezium FILE  the slot was Debezium's: go on behind the offset in that file, the answer of\n"
    "                       GET /connectors/NAME/offsets. Only where there is no history yet\n";

enum { TICK_MS = 1000, STOP_SECONDS = 10 };

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

/* Until a signal comes, or there is nothing left to do. */
static void attend(struct supervisor *s)
{
    for (;;) {
        struct pollfd fds[2] = { { .fd = asked.fd, .events = POLLIN },
                                 { .fd = supervisor_failed_fd(s), .events = POLLIN } };
        enum supervisor_verdict verdict = supervisor_tick(s);

        if (verdict == SUPERVISOR_DEAD)
            _exit(CLI_RUNTIME);
        if (verdict == SUPERVISOR_DRAINED || wake_is_set(asked.fd))
            return;
        /* Once capture has failed its fd stays readable: then only the time is waited for. */
        (void)poll(fds, wake_is_set(fds[1].fd) ? 1 : 2, wake_is_set(fds[1].fd) ? 100 : TICK_MS);
    }
}

static int serve(struct supervisor *s, const struct config *config)
{
    struct control *control;
    struct error err;
    int code = CLI_OK;

    if (!control_open(s, config->stream.dir, &control, &err))
        return cli_failure(&err);
    if (supervisor_start(s, &err)) {
        logger_info("multisink", "version %s, pipeline %s, %zu sink(s)", MULTISINK_VERSION,
                    config->name, config->sink_count);
        notify_state("READY=1");
        attend(s);
    } else {
        code = cli_failure(&err);
    }
    notify_state("STOPPING=1");
    (void)alarm(STOP_SECONDS);
    supervisor_stop(s);
    control_close(control);
    if (supervisor_error(s)->kind != ERR_NONE)
        return cli_failure(supervisor_error(s));
    if (code == CLI_OK)
        logger_info("multisink", "ended; positions are saved, the slot is kept on the server");
    return code;
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
    if (role != CONFIG_ROLE_ALL && config->stream.kind == CONFIG_STREAM_LOG)
        return error_set(err, ERR_STOP, E_CONFIG_ROLE,
                         "cannot run as %s alone: %s keeps the stream in a log, which only the"
                         " process that writes it reads",
                         word, config->path);
    if ((role != CONFIG_ROLE_DELIVER && config->source.node == NULL) ||
        (role != CONFIG_ROLE_CAPTURE && config->sink_count == 0))
        return error_set(err, ERR_STOP, E_CONFIG_ROLE, "cannot run as %s: %s has no %s", word,
                         config->path, config->sink_count == 0 ? "sinks" : "source");
    *ret_role = (int)role;
    return true;
}

struct request {
    bool resnapshot;
    const char *restart_sink;
    const char *role;
    const char *after_debezium; /* a file, or NULL */
};

static int run(const struct config *config, const struct request *q)
{
    struct supervisor_opts opts = { .config = config,
                                    .clock = &clock_system,
                                    .resnapshot = q->resnapshot,
                                    .restart_sink = q->restart_sink };
    const char *restart_sink = q->restart_sink;
    struct supervisor *s;
    struct error err;
    int code;

    if (!choose_role(config, q->role, &opts.role, &err))
        return cli_failure(&err);
    if (restart_sink != NULL && !sink_known(config, restart_sink))
        return cli_usage_error("run", "there is no sink \"%s\" in %s", restart_sink, config->path);
    if (q->after_debezium != NULL &&
        !file_read_all(q->after_debezium, LIMIT_HANDOVER, &opts.handover, &err))
        return cli_failure(&err);
    if (!catch_signals(&err) || !supervisor_open(&opts, &s, &err)) {
        free((void *)opts.handover.p);
        return cli_failure(&err);
    }
    code = serve(s, config);
    supervisor_close(s);
    free((void *)opts.handover.p);
    wake_done(&asked);
    return code;
}

int cli_run(int argc, char **argv)
{
    struct request q = { 0 };
    struct cli_option options[] = { { "resnapshot", 0, CLI_FLAG, &q.resnapshot },
                                    { "restart-sink", 0, CLI_TEXT, &q.restart_sink },
                                    { "role", 0, CLI_TEXT, &q.role },
                                    { "after-debezium", 0, CLI_TEXT, &q.after_debezium },
                                    { NULL, 0, CLI_FLAG, NULL } };
    struct config *config;
    int count;
    int code;

    if (!cli_parse(argc, argv, options, &count))
        return CLI_USAGE;
    if (count > 1)
        return cli_usage_error("run", "takes one file, not %d", count);
    config = cli_load_config(count == 1 ? argv[1] : NULL);
    if (config == NULL)
        return CLI_USAGE;
    code = run(config, &q);
    config_free(config);
    return code;
}
