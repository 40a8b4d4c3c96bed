/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options may stand anywhere among the arguments. The command's own are looked at first, then the
 * global ones, so that a command may use a global one's letter for itself.
 */
#include "base/limits.h"
#include "base/logger.h"
#include "cli/cli.h"

#include <unistd.h>

static struct cli_globals globals;

static const struct cli_option global_options[] = {
    { "no-color", 0, CLI_FLAG, &globals.no_color },
    { "quiet", 'q', CLI_FLAG, &globals.quiet },
    { "log-format", 0, CLI_TEXT, &globals.log_format },
    { "log-level", 0, CLI_TEXT, &globals.log_level },
    { NULL, 0, CLI_FLAG, NULL },
};

static const struct cli_option no_options[] = { { NULL, 0, CLI_FLAG, NULL } };

const struct cli_globals *cli_globals(void)
{
    return &globals;
}

/* One word that starts with a dash, taken apart. */
struct word {
    const char *text;
    struct str name;   /* of a long option; empty for a letter */
    char letter;       /* of a short one, else 0 */
    const char *value; /* behind "=", or NULL */
};

static struct word split_word(const char *text)
{
    struct word w = { .text = text };

    if (text[1] == '-') {
        struct str rest = str_from(text + 2);
        size_t eq = str_find(rest, '=');

        w.name = str_make(rest.p, eq);
        w.value = eq < rest.n ? rest.p + eq + 1 : NULL;
    } else if (text[2] == '\0') {
        w.letter = text[1];
    }
    return w;
}

static const struct cli_option *find_in(const struct cli_option *options, const struct word *w)
{
    for (; options->name != NULL; options++) {
        if (w->letter != 0 ? options->letter == w->letter : str_is(w->name, options->name))
            return options;
    }
    return NULL;
}

static size_t collect_names(const struct cli_option *options, const char **names, size_t n,
                            size_t cap)
{
    for (; options->name != NULL && n < cap; options++)
        names[n++] = options->name;
    return n;
}

static bool unknown_option(const char *command, const struct cli_option *options,
                           const struct word *w)
{
    const char *names[64];
    const size_t cap = sizeof names / sizeof names[0];
    size_t n = collect_names(options, names, 0, cap);
    const char *near = NULL;
    char name[64];

    n = collect_names(global_options, names, n, cap);
    if (w->name.n > 0 && str_copy(w->name, name, sizeof name))
        near = cli_nearest(name, names, n);
    if (near != NULL)
        (void)cli_usage_fault(E_CLI_OPTION, command,
                              "unknown option \"--%s\", did you mean \"--%s\"?", name, near);
    else
        (void)cli_usage_fault(E_CLI_OPTION, command, "unknown option \"%s\"", w->text);
    return false;
}

static bool store(const char *command, const struct cli_option *o, const char *value)
{
    switch (o->kind) {
    case CLI_FLAG:
        *(bool *)o->field = true;
        break;
    case CLI_TEXT:
        *(const char **)o->field = value;
        break;
    case CLI_NUMBER:
        if (!str_to_i64(str_from(value), o->field)) {
            (void)cli_usage_fault(E_CLI_OPTION_VALUE, command,
                                  "option --%s expects a whole number, not \"%s\"", o->name, value);
            return false;
        }
        break;
    }
    return true;
}

/* Takes the option at argv[*at], and the word behind it if that is its value. */
static bool take(int argc, char **argv, int *at, const struct cli_option *options)
{
    struct word w = split_word(argv[*at]);
    const struct cli_option *o = find_in(options, &w);

    if (o == NULL)
        o = find_in(global_options, &w);
    if (o == NULL)
        return unknown_option(argv[0], options, &w);
    if (o->kind == CLI_FLAG) {
        if (w.value != NULL) {
            (void)cli_usage_fault(E_CLI_OPTION_VALUE, argv[0], "option --%s takes no value",
                                  o->name);
            return false;
        }
    } else if (w.value == NULL) {
        if (*at + 1 >= argc) {
            (void)cli_usage_fault(E_CLI_OPTION_VALUE, argv[0], "option --%s needs a value",
                                  o->name);
            return false;
        }
        w.value = argv[++*at];
    }
    return store(argv[0], o, w.value);
}

static bool wrong_global(const char *command, const char **field, const char *name,
                         const char *choices)
{
    (void)cli_usage_fault(E_CLI_OPTION_VALUE, command, "option --%s is %s, not \"%s\"", name,
                          choices, *field);
    *field = NULL;
    return false;
}

static bool apply_globals(const char *command)
{
    enum logger_level level = globals.quiet ? LOGGER_WARN : LOGGER_INFO;
    enum logger_format format = LOGGER_TEXT;

    if (globals.log_format != NULL) {
        if (strcmp(globals.log_format, "json") == 0)
            format = LOGGER_JSON;
        else if (strcmp(globals.log_format, "text") != 0)
            return wrong_global(command, &globals.log_format, "log-format", "text or json");
    }
    if (globals.log_level != NULL && !logger_level_parse(globals.log_level, &level))
        return wrong_global(command, &globals.log_level, "log-level",
                            "debug, info, warn, error or off");
    logger_init(STDERR_FILENO, format, level);
    return true;
}

static bool is_option(const char *text)
{
    return text[0] == '-' && text[1] != '\0';
}

bool cli_parse(int argc, char **argv, const struct cli_option *options, int *ret_count)
{
    bool ended = false;
    int count = 0;

    for (int i = 1; i < argc; i++) {
        if (!ended && strcmp(argv[i], "--") == 0) {
            ended = true;
        } else if (!ended && is_option(argv[i])) {
            if (!take(argc, argv, &i, options))
                return false;
        } else {
            /* Words before this one were options, or were moved: the place is free. */
            argv[1 + count++] = argv[i];
        }
    }
    if (!apply_globals(argv[0]))
        return false;
    *ret_count = count;
    return true;
}

bool cli_parse_global(int argc, char **argv, int *ret_used)
{
    int at = 1;

    for (; at < argc && is_option(argv[at]); at++) {
        if (!take(argc, argv, &at, no_options))
            return false;
    }
    if (!apply_globals(argv[0]))
        return false;
    *ret_used = at - 1;
    return true;
}

int cli_verb(const char *command, int count, char **argv, const char *const *verbs, size_t n)
{
    const char *near;
    struct buf all;

    for (size_t i = 0; count > 0 && i < n; i++) {
        if (strcmp(argv[1], verbs[i]) == 0)
            return (int)i;
    }
    buf_init(&all, KIB);
    for (size_t i = 0; i < n; i++)
        buf_putf(&all, "%s%s", i == 0 ? "" : i + 1 < n ? ", " : " or ", verbs[i]);
    near = count > 0 ? cli_nearest(argv[1], verbs, n) : NULL;
    if (count == 0)
        (void)cli_usage_error(command, "say what to do: %s", buf_cstr(&all));
    else if (near != NULL)
        (void)cli_usage_error(command, "cannot \"%s\", did you mean \"%s\"? (it can: %s)", argv[1],
                              near, buf_cstr(&all));
    else
        (void)cli_usage_error(command, "cannot \"%s\"; it can: %s", argv[1], buf_cstr(&all));
    buf_done(&all);
    return -1;
}
