/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS = 64, INPUT = 4 * 1024 * 1024 };

struct shared {
    size_t count;
    size_t overlaps;
    size_t connections;
    struct fake_http_request requests[FAKE_HTTP_REQUESTS];
};

struct fake_http {
    struct shared *shared;
    pid_t pid;
    uint16_t port;
};

struct connection {
    int fd;
    char *input;
    size_t n;
    bool answering; /* the answer is due, or never comes */
    long key;
    long long due_ms;
    struct fake_http_answer answer;
};

static struct connection connections[CONNECTIONS];

static void die(const char *what)
{
    perror(what);
    abort();
}

static long long now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (long long)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- the child -------------------------------------------------------------------------------- */

static void hang_up(struct connection *c)
{
    close(c->fd);
    free(c->input);
    memset(c, 0, sizeof *c);
    c->fd = -1;
}

static void send_all(struct connection *c, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(c->fd, bytes, n, MSG_NOSIGNAL);

        if (sent < 0)
            return;
        bytes += sent;
        n -= (size_t)sent;
    }
}

static void send_endless(struct connection *c)
{
    char letters[4096];

    memset(letters, 'x', sizeof letters);
    while (send(c->fd, letters, sizeof letters, MSG_NOSIGNAL) > 0)
        continue;
    hang_up(c);
}

static void answer(struct connection *c)
{
    const char *bytes = c->answer.bytes != NULL ? c->answer.bytes : FAKE_HTTP_STATUS("200 OK");

    c->answering = false;
    send_all(c, bytes, strlen(bytes));
    if (c->answer.endless)
        send_endless(c);
    else if (c->answer.close)
        hang_up(c);
}

static void copy(char *to, size_t size, const char *from, size_t n)
{
    n = n < size ? n : size - 1;
    memcpy(to, from, n);
    to[n] = '\0';
}

const char *fake_http_header(const struct fake_http_request *req, const char *name, char *text,
                             size_t size)
{
    size_t n = strlen(name);

    text[0] = '\0';
    for (const char *line = req->headers; line != NULL && *line != '\0';) {
        const char *end = strstr(line, "\r\n");

        if (end == NULL)
            break;
        if (strncasecmp(line, name, n) == 0 && line[n] == ':')
            copy(text, size, line + n + 2, (size_t)(end - line) - n - 2);
        line = end + 2;
    }
    return text;
}

static bool same_key_under_way(const struct connection *c, long key)
{
    for (size_t i = 0; i < CONNECTIONS; i++) {
        if (&connections[i] != c && connections[i].fd >= 0 && connections[i].answering &&
            connections[i].key == key)
            return true;
    }
    return false;
}

static void note(struct shared *shared, fake_http_script *script, struct connection *c,
                 const char *headers_end, size_t body_n)
{
    struct fake_http_request *req = &shared->requests[shared->count];
    const char *line_end = strstr(c->input, "\r\n");
    const char *id;

    if (shared->count == FAKE_HTTP_REQUESTS || line_end == NULL)
        die("fake http: too many requests");
    sscanf(c->input, "%7s %127s", req->method, req->path);
    copy(req->headers, sizeof req->headers, line_end + 2, (size_t)(headers_end - line_end));
    copy(req->body, sizeof req->body, headers_end + 4, body_n);
    req->body_n = body_n;
    id = strstr(req->body, "\"id\":");
    req->key = id != NULL ? atol(id + 5) : -1;
    shared->overlaps += same_key_under_way(c, req->key);
    c->answer = (struct fake_http_answer){ .bytes = NULL };
    if (script != NULL)
        script(shared->count, req, &c->answer);
    c->key = req->key;
    c->answering = true;
    c->due_ms = now_ms() + c->answer.delay_ms;
    __atomic_fetch_add(&shared->count, 1, __ATOMIC_SEQ_CST);
}

/* Takes one whole request out of the input, if there is one. */
static void take_request(struct shared *shared, fake_http_script *script, struct connection *c)
{
    const char *end;
    const char *length;
    size_t body_n;
    size_t all;

    c->input[c->n] = '\0';
    end = strstr(c->input, "\r\n\r\n");
    if (end == NULL || c->answering)
        return;
    length = strcasestr(c->input, "content-length:");
    body_n = length != NULL && length < end ? (size_t)atol(length + 15) : 0;
    all = (size_t)(end + 4 - c->input) + body_n;
    if (c->n < all)
        return;
    note(shared, script, c, end, body_n);
    memmove(c->input, c->input + all, c->n - all);
    c->n -= all;
}

static void take_input(struct shared *shared, fake_http_script *script, struct connection *c)
{
    ssize_t n = recv(c->fd, c->input + c->n, INPUT - 1 - c->n, 0);

    if (n <= 0) {
        hang_up(c);
        return;
    }
    c->n += (size_t)n;
    take_request(shared, script, c);
}

static void take_connection(struct shared *shared, int listener)
{
    int fd = accept(listener, NULL, NULL);

    for (size_t i = 0; fd >= 0 && i < CONNECTIONS; i++) {
        if (connections[i].fd >= 0)
            continue;
        connections[i] = (struct connection){ .fd = fd, .input = malloc(INPUT) };
        shared->connections++;
        return;
    }
    die("fake http: too many connections");
}

static int answer_due(void)
{
    int wait_ms = -1;

    for (size_t i = 0; i < CONNECTIONS; i++) {
        struct connection *c = &connections[i];
        long long left = c->due_ms - now_ms();

        if (c->fd < 0 || !c->answering || c->answer.silent)
            continue;
        if (left <= 0)
            answer(c);
        else if (wait_ms < 0 || left < wait_ms)
            wait_ms = (int)left;
    }
    return wait_ms;
}

static void serve(struct shared *shared, fake_http_script *script, int listener)
{
    struct pollfd fds[CONNECTIONS + 1];

    for (size_t i = 0; i < CONNECTIONS; i++)
        connections[i].fd = -1;
    for (;;) {
        int wait_ms = answer_due();

        for (size_t i = 0; i < CONNECTIONS; i++)
            fds[i] = (struct pollfd){ .fd = connections[i].fd, .events = POLLIN };
        fds[CONNECTIONS] = (struct pollfd){ .fd = listener, .events = POLLIN };
        if (poll(fds, CONNECTIONS + 1, wait_ms) <= 0)
            continue;
        for (size_t i = 0; i < CONNECTIONS; i++) {
            if (fds[i].fd >= 0 && fds[i].revents != 0)
                take_input(shared, script, &connections[i]);
        }
        if (fds[CONNECTIONS].revents != 0)
            take_connection(shared, listener);
    }
}

/* ---- the test's side --------------------------------------------------------------------------- */

static int listen_at(uint16_t *port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(*port) };
    socklen_t n = sizeof address;
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, n) != 0 || listen(fd, 64) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &n) != 0)
        die("fake http: listen");
    *port = ntohs(address.sin_port);
    return fd;
}

struct fake_http *fake_http_start_at(fake_http_script *script, uint16_t port)
{
    struct fake_http *f = calloc(1, sizeof *f);
    int listener;

    f->port = port;
    listener = listen_at(&f->port);
    f->shared =
        mmap(NULL, sizeof *f->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (f->shared == MAP_FAILED)
        die("fake http: mmap");
    f->pid = fork();
    if (f->pid < 0)
        die("fake http: fork");
    if (f->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        serve(f->shared, script, listener);
    }
    close(listener);
    return f;
}

struct fake_http *fake_http_start(fake_http_script *script)
{
    return fake_http_start_at(script, 0);
}

void fake_http_stop(struct fake_http *f)
{
    if (f == NULL)
        return;
    kill(f->pid, SIGKILL);
    while (waitpid(f->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    munmap(f->shared, sizeof *f->shared);
    free(f);
}

uint16_t fake_http_port(const struct fake_http *f)
{
    return f->port;
}

size_t fake_http_count(const struct fake_http *f)
{
    return __atomic_load_n(&f->shared->count, __ATOMIC_SEQ_CST);
}

const struct fake_http_request *fake_http_request(const struct fake_http *f, size_t nth)
{
    if (nth >= fake_http_count(f))
        die("fake http: no such request");
    return &f->shared->requests[nth];
}

size_t fake_http_overlaps(const struct fake_http *f)
{
    return f->shared->overlaps;
}

size_t fake_http_connections(const struct fake_http *f)
{
    return f->shared->connections;
}
