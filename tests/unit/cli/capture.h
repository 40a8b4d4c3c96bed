/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_CLI_CAPTURE_H
#define TEST_CLI_CAPTURE_H

/* What a command writes to stdout and stderr. Include behind cmocka.h. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CAPTURE_MAX = 1024 * 1024 };

struct capture {
    FILE *files[2];
    int saved[2];
    char *text[2]; /* [0] stdout, [1] stderr; free with capture_free */
};

static inline void capture_start(struct capture *c)
{
    const int fds[2] = { STDOUT_FILENO, STDERR_FILENO };

    (void)fflush(NULL);
    for (int i = 0; i < 2; i++) {
        c->files[i] = tmpfile();
        assert_non_null(c->files[i]);
        c->saved[i] = dup(fds[i]);
        assert_true(c->saved[i] >= 0 && dup2(fileno(c->files[i]), fds[i]) >= 0);
    }
}

static inline void capture_stop(struct capture *c)
{
    const int fds[2] = { STDOUT_FILENO, STDERR_FILENO };

    (void)fflush(NULL);
    for (int i = 0; i < 2; i++) {
        size_t n;

        assert_true(dup2(c->saved[i], fds[i]) >= 0);
        (void)close(c->saved[i]);
        rewind(c->files[i]);
        c->text[i] = calloc(1, CAPTURE_MAX + 1);
        assert_non_null(c->text[i]);
        n = fread(c->text[i], 1, CAPTURE_MAX, c->files[i]);
        c->text[i][n] = '\0';
        (void)fclose(c->files[i]);
    }
}

static inline void capture_free(struct capture *c)
{
    free(c->text[0]);
    free(c->text[1]);
}

#endif
