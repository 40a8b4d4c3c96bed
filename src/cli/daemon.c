/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/daemon.h"

#include "base/mem.h"
#include "control/control.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <unistd.h>

enum { TIMEOUT_MS = 5000 };

static size_t take(char *p, size_t size, size_t count, void *arg)
{
    struct buf *b = arg;

    buf_put(b, p, size * count);
    return buf_ok(b) ? size * count : 0;
}

static bool get(const char *socket, const char *path, const char *dir, struct buf *b,
                struct error *err)
{
    CURL *curl = curl_easy_init();
    char *url = mem_printf("http://localhost%s", path);
    CURLcode rc = CURLE_FAILED_INIT;
    long status = 0;

    if (curl != NULL) {
        (void)curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket);
        (void)curl_easy_setopt(curl, CURLOPT_URL, url);
        (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS);
        (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        (void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
        (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
        (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, b);
        rc = curl_easy_perform(curl);
        (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_cleanup(curl);
    }
    free(url);
    if (rc == CURLE_OK && status == 200)
        return true;
    return error_set(err, ERR_STOP, E_NOT_RUNNING,
                     "cannot ask the daemon of data directory %s: %s; nothing was changed", dir,
                     rc == CURLE_OK ? "it does not know the question" : curl_easy_strerror(rc));
}

bool daemon_get(const char *dir, const char *path, struct buf *b, struct error *err)
{
    char socket[108];
    int fd;
    bool ok;

    if (access(dir, F_OK) != 0)
        return error_set(err, ERR_STOP, E_NOT_RUNNING,
                         "cannot ask the daemon: there is no data directory %s yet", dir);
    if (!control_socket_path(dir, &fd, socket, sizeof socket, err))
        return false;
    ok = get(socket, path, dir, b, err);
    (void)close(fd);
    return ok;
}
