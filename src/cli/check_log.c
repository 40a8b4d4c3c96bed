/* SPDX-License-Identifier: Apache-2.0 */
/* `check`, the data directory: can it be written, and is there room. It is not made, and nothing is
 * written into it. */
#include "base/limits.h"
#include "cli/check_rows.h"
#include "cli/cli.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* The directory itself, or the nearest one above it that exists. */
static const char *existing(struct check *c, const char *dir)
{
    struct str path = str_from(dir);
    struct stat st;

    for (;;) {
        const char *text = arena_str(&c->arena, path).p;

        if (stat(text, &st) == 0 || errno != ENOENT)
            return text;
        while (path.n > 0 && path.p[path.n - 1] == '/')
            path.n--;
        while (path.n > 0 && path.p[path.n - 1] != '/')
            path.n--;
        if (path.n == 0)
            return ".";
    }
}

static void look_space(struct check *c, const char *path, const char *what)
{
    const struct config_stream *stream = &c->config->stream;
    struct statvfs fs;
    double available;

    if (statvfs(path, &fs) != 0) {
        check_add(c, CHECK_WARN, E_NONE, NULL, "%s %s; how much space is free cannot be told",
                  stream->dir, what);
        return;
    }
    available = (double)fs.f_bavail * (double)fs.f_frsize;
    if (available < (double)stream->max_size) {
        check_add(c, CHECK_WARN, E_NONE, "make stream.log.max_size smaller, or use another disk",
                  "%s %s, but %.1f GiB free are less than max_size (%.1f GiB)", stream->dir, what,
                  available / (double)GIB, (double)stream->max_size / (double)GIB);
    } else {
        check_add(c, CHECK_OK, E_NONE, NULL, "%s %s, %.1f GiB free", stream->dir, what,
                  available / (double)GIB);
    }
}

void check_log(struct check *c)
{
    const char *dir = c->config->stream.dir;
    const char *path = existing(c, dir);
    bool exists = strcmp(path, dir) == 0;
    struct stat st;

    c->part = "Log";
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        check_add(c, CHECK_FAIL, E_SYS_FILE, "name another directory in stream.log.dir",
                  "%s is not a directory", path);
        return;
    }
    if (access(path, W_OK | X_OK) != 0) {
        check_add(c, CHECK_FAIL, E_SYS_FILE, "let the user that runs multisink own it",
                  "%s may not be written by this user", path);
        return;
    }
    if (exists && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        check_add(c, CHECK_WARN, E_NONE, arena_printf(&c->arena, "chmod 700 %s", dir),
                  "other users of this machine can look into %s, which holds row data", dir);
    look_space(c, path, exists ? "is writable" : "will be made");
}
