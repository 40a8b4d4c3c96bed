/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

/*
 * What the commands share: the command table, options, exit codes, and how a fault is shown. stdout is
 * data, stderr is messages.
 */

#include "base/buf.h"
#include "base/error.h"
#include "config/config.h"

enum cli_exit {
    CLI_OK = 0,
    CLI_RUNTIME = 1,
    CLI_USAGE = 2,       /* wrong words or wrong configuration */
    CLI_UNREACHABLE = 3, /* a peer cannot be reached */
    CLI_DATA = 5,        /* parked records, bytes that are bad */
    CLI_UNHEALTHY = 6
};

struct cli_command {
    const char *name;
    const char *summary;               /* one line for `multisink help` */
    const char *usage;                 /* whole help text: examples first */
    int (*run)(int argc, char **argv); /* argv[0] is the command's name */
    bool hidden;                       /* for the build, not for users: not listed */
};

const struct cli_command *cli_commands(size_t *ret_count);

/* main(): finds the command and runs it; unknown ones are answered with the nearest name. */
int cli_main(int argc, char **argv);
/* NULL when there is none of that name. */
const struct cli_command *cli_command_find(const char *name);
/* Of the commands that are listed; NULL when none is near. */
const char *cli_command_nearest(const char *name);

/* ---- options --------------------------------------------------------------------------------- */

enum cli_option_kind { CLI_FLAG, CLI_TEXT, CLI_NUMBER };

struct cli_option {
    const char *name; /* "--json" without the dashes */
    char letter;      /* 'j' for -j, or 0 */
    enum cli_option_kind kind;
    void *field; /* bool *, const char ** or int64_t * */
};

/* Parses options anywhere among the arguments, "--" ends them; "--name=value" and "--name value".
 * -h and --help are answered by cli_main before. Positional arguments are moved to the front of argv
 * (from argv[1]); *ret_count is their number. A wrong option: message with the nearest name, false
 * (exit CLI_USAGE). `options` ends with one without a name. */
bool cli_parse(int argc, char **argv, const struct cli_option *options, int *ret_count);
/* Takes the global options that stand before the command; *ret_used words of argv from argv[1]. */
bool cli_parse_global(int argc, char **argv, int *ret_used);

/* The options every command has, as given: --no-color, --quiet (-q), --log-format, --log-level. They
 * are understood by cli_parse and applied by it (logger_init). Set once, before any thread starts. */
struct cli_globals {
    bool no_color;
    bool quiet; /* no messages but errors; the log from warnings up */
    const char *log_format;
    const char *log_level;
};
const struct cli_globals *cli_globals(void);

/* ---- showing ------------------------------------------------------------------------------------ */

/* "error[E0412]: message" on stderr, with a pointer to `multisink explain`; returns the exit code that
 * goes with the error's code and kind. */
int cli_failure(const struct error *err);
/* Only the exit code. */
int cli_exit_of(const struct error *err);
/* "multisink COMMAND: message" and how to get help, on stderr; returns CLI_USAGE. */
int cli_usage_error(const char *command, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Loads a configuration and prints its faults; NULL when it is not valid. path NULL: pipeline.yaml. */
struct config *cli_load_config(const char *path);
/* Writes all of a buf to stdout; false when stdout is gone, which is said on stderr unless a reader
 * simply stopped reading. */
bool cli_print(const struct buf *b);
/* cli_print and buf_done; CLI_OK or CLI_RUNTIME. */
int cli_finish(struct buf *b);
/* Colour wanted on that stream? Honours --no-color, NO_COLOR and whether it is a terminal. */
bool cli_color(int fd);
/* Columns of the terminal behind fd, 40 to 200; 80 when it is none. */
int cli_width(int fd);
/* As cli_usage_error, with a code of its own. */
int cli_usage_fault(enum error_code code, const char *command, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Words of `text` in lines of at most `width` columns. The first line is continued where the caller
 * stands (at column `indent`), the others are indented by `indent`. No line end after the last. */
void cli_put_wrapped(struct buf *b, const char *text, int indent, int width);
/* Columns that a piece of UTF-8 takes, each character as one. */
int cli_columns(struct str s);
/* "DID YOU MEAN" for messages: the nearest of `names`, or NULL when none is near. */
const char *cli_nearest(const char *word, const char *const *names, size_t count);
/* The index of argv[1] among the words that `command` takes there. Missing or unknown: a message with
 * all of them and the nearest, and -1 (exit CLI_USAGE). `count` as cli_parse gives it. */
int cli_verb(const char *command, int count, char **argv, const char *const *verbs, size_t n);

/* One file each. */
int cli_check(int argc, char **argv);
int cli_dlq(int argc, char **argv);
int cli_docs(int argc, char **argv);
int cli_explain(int argc, char **argv);
int cli_help(int argc, char **argv);
int cli_init(int argc, char **argv);
int cli_lint(int argc, char **argv);
int cli_log(int argc, char **argv);
int cli_receive(int argc, char **argv);
int cli_run(int argc, char **argv);
int cli_slot(int argc, char **argv);
int cli_status(int argc, char **argv);
int cli_version(int argc, char **argv);

extern const char cli_check_usage[], cli_dlq_usage[], cli_docs_usage[], cli_explain_usage[],
    cli_help_usage[], cli_init_usage[], cli_lint_usage[], cli_log_usage[], cli_receive_usage[],
    cli_run_usage[], cli_slot_usage[], cli_status_usage[], cli_version_usage[];

#endif
