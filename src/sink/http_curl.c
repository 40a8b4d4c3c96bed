/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/http_curl.h"

#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>

enum { CONNECT_TIMEOUT_MS = 10000 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode global_result;

static void init_library(void)
{
    global_result = curl_global_init(CURL_GLOBAL_DEFAULT);
}

bool http_curl_start(struct error *err)
{
    if (pthread_once(&once, init_library) != 0 || global_result != CURLE_OK)
        return error_set(err, ERR_STOP, E_SYS_RESOURCE, "cannot send HTTP: libcurl does not start");
    return true;
}

bool http_curl_add(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);

    if (longer != NULL)
        *list = longer;
    return longer != NULL;
}

bool http_curl_connect_to(const struct http_conf *conf, struct curl_slist **ret_list)
{
    struct str host = http_url_host(conf->all.url);
    bool has_port =
        str_find(host, ']') < host.n ? host.p[host.n - 1] != ']' : str_find(host, ':') < host.n;
    char *line;
    bool ok;

    if (conf->tls.server_name == NULL)
        return true;
    line = mem_printf("::%.*s%s", STR_ARG(host), has_port ? "" : ":443");
    ok = http_curl_add(ret_list, line);
    free(line);
    return ok;
}

static bool set_text(CURL *easy, CURLoption option, const char *text)
{
    return text == NULL || curl_easy_setopt(easy, option, text) == CURLE_OK;
}

static bool set_tls(CURL *easy, const struct http_conf *conf)
{
    bool verify = conf->tls.verify;

    return curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
           set_text(easy, CURLOPT_CAINFO, conf->tls.ca_file) &&
           set_text(easy, CURLOPT_SSLCERT, conf->tls.cert_file) &&
           set_text(easy, CURLOPT_SSLKEY, conf->tls.key_file);
}

bool http_curl_set_up(CURL *easy, const struct http_conf *conf, struct curl_slist *connect_to)
{
    long timeout = (long)conf->timeout_ms;
    long connect = timeout < CONNECT_TIMEOUT_MS ? timeout : CONNECT_TIMEOUT_MS;

    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CONNECT_TO, connect_to) == CURLE_OK &&
           set_tls(easy, conf);
}

/* All others are RETRY, E_HTTP_REPLY: the server speaks, but not HTTP. */
static const struct {
    CURLcode code;
    enum error_kind kind;
    enum error_code page;
} failures[] = {
    { CURLE_COULDNT_RESOLVE_HOST, ERR_RETRY, E_NET_RESOLVE },
    { CURLE_COULDNT_CONNECT, ERR_RETRY, E_NET_CONNECT },
    { CURLE_OPERATION_TIMEDOUT, ERR_RETRY, E_NET_TIMEOUT },
    { CURLE_SEND_ERROR, ERR_RETRY, E_NET_LOST },
    { CURLE_RECV_ERROR, ERR_RETRY, E_NET_LOST },
    { CURLE_GOT_NOTHING, ERR_RETRY, E_NET_LOST },
    { CURLE_PARTIAL_FILE, ERR_RETRY, E_NET_LOST },
    { CURLE_SSL_CONNECT_ERROR, ERR_RETRY, E_NET_LOST },
    { CURLE_PEER_FAILED_VERIFICATION, ERR_STOP, E_TLS_VERIFY },
    { CURLE_SSL_CACERT_BADFILE, ERR_STOP, E_TLS_SETUP },
    { CURLE_SSL_CERTPROBLEM, ERR_STOP, E_TLS_SETUP },
    { CURLE_SSL_CIPHER, ERR_STOP, E_TLS_SETUP },
};

bool http_curl_error(CURLcode code, const char *why, struct str host, struct error *err)
{
    enum error_kind kind = ERR_RETRY;
    enum error_code page = E_HTTP_REPLY;

    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
        if (failures[i].code == code) {
            kind = failures[i].kind;
            page = failures[i].page;
        }
    }
    return error_set(err, kind, page, "cannot deliver to %.*s: %s", STR_ARG(host),
                     why[0] != '\0' ? why : curl_easy_strerror(code));
}
