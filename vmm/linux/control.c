/* SPDX-License-Identifier: BSD-2-Clause */
#include "control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "message.h"

/* How long to leave clients alone when there are no descriptors for them. */
#define AGAIN_NS UINT64_C(100000000)

static void forget(struct control_client *client)
{
    hosted_event_source_remove(&client->source);
    close(client->source.fd);
    free(client->reply);
    memset(client, 0, sizeof(*client));
}

static unsigned split(char *text, char *words[CONTROL_WORDS])
{
    unsigned count = 0;
    char *rest = NULL;
    for (char *word = strtok_r(text, " \t\r\n", &rest); word && count < CONTROL_WORDS;
         word = strtok_r(NULL, " \t\r\n", &rest)) {
        words[count++] = word;
    }
    return count;
}

/* What the command wrote before it failed is not shown. */
static void write_reply(const struct control *control, char *request, FILE *out)
{
    char *words[CONTROL_WORDS];
    char message[OPTIONS_MESSAGE] = "";
    char *members = NULL;
    size_t size = 0;
    bool ok = false;
    struct json inner = { .out = open_memstream(&members, &size), .follows = true };
    if (inner.out) {
        unsigned count = split(request, words);
        if (count == 0) {
            snprintf(message, sizeof(message), "no command: try 'help'");
        } else {
            ok = control->command(control->cookie, count, words, &inner, message);
        }
        fclose(inner.out);
    }
    struct json json = { .out = out };
    json_begin(&json, NULL, '{');
    json_bool(&json, "ok", ok);
    if (ok && members) {
        fwrite(members, 1, size, out);
    } else if (!ok) {
        json_string(&json, "error", message);
    }
    json_end(&json, '}');
    fputc('\n', out);
    free(members);
}

static void send_reply(struct control_client *client)
{
    ssize_t sent = send(client->source.fd, client->reply + client->reply_sent,
                        client->reply_size - client->reply_sent, MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    client->reply_sent += sent > 0 ? (size_t)sent : 0;
    if (sent < 0 || client->reply_sent == client->reply_size) {
        forget(client);
    }
}

static void answer(struct control_client *client)
{
    FILE *out = open_memstream(&client->reply, &client->reply_size);
    if (!out) {
        forget(client);
        return;
    }
    write_reply(client->control, client->request, out);
    if (fclose(out) != 0 || hosted_event_source_modify(&client->source, EPOLLOUT) != 0) {
        forget(client);
        return;
    }
    send_reply(client);
}

static void read_request(struct control_client *client)
{
    ssize_t size = recv(client->source.fd, client->request + client->request_size,
                        CONTROL_REQUEST - 1 - client->request_size, 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (size <= 0) {
        forget(client);
        return;
    }
    client->request_size += (size_t)size;
    client->request[client->request_size] = '\0';
    char *end = memchr(client->request, '\n', client->request_size);
    if (end) {
        *end = '\0';
        answer(client);
    } else if (client->request_size == CONTROL_REQUEST - 1) {
        forget(client);
    }
}

static void client_ready(void *cookie, uint32_t events)
{
    struct control_client *client = cookie;
    if (client->reply) {
        send_reply(client);
    } else if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        read_request(client);
    }
}

/* The oldest request that is not complete makes room: nobody can keep the others out. */
static struct control_client *place(struct control *control)
{
    struct control_client *victim = NULL;
    for (unsigned i = 0; i < CONTROL_CLIENTS; i++) {
        struct control_client *client = &control->clients[i];
        if (!client->connected) {
            return client;
        }
        if (!victim || client->source.id < victim->source.id) {
            victim = client;
        }
    }
    forget(victim);
    return victim;
}

static void accept_again(void *cookie)
{
    struct control *control = cookie;
    hosted_event_source_modify(&control->source, EPOLLIN);
}

/* Who waits would be announced over and over, and a guest can use descriptors up (--net user). */
static void pause_accepting(struct control *control)
{
    const struct vmmp_host host = hosted_event_loop_host(control->loop);
    hosted_event_source_modify(&control->source, 0);
    host.ops->timer_arm(host.cookie, &control->again, host.ops->now(host.cookie) + AGAIN_NS);
}

static void accept_client(void *cookie, uint32_t events)
{
    struct control *control = cookie;
    int fd = accept4(control->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    (void)events;
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pause_accepting(control);
        }
        return;
    }
    struct control_client *client = place(control);
    client->control = control;
    client->source = (struct hosted_event_source){ fd, client_ready, client, NULL, NULL, NULL, 0 };
    client->connected = true;
    if (hosted_event_loop_add(control->loop, &client->source, EPOLLIN) != 0) {
        forget(client);
    }
}

int control_open(struct control *control, const char *path, struct hosted_event_loop *loop)
{
    char why[HOSTED_UNIX_MESSAGE];
    if (hosted_unix_listen(&control->listener, path, SOCK_STREAM, 8, why) != 0) {
        message_error("--control %s", why);
        return -1;
    }
    control->open = true;
    control->loop = loop;
    control->source.fd = control->listener.fd;
    control->source.ready = accept_client;
    control->source.cookie = control;
    control->again.work.run = accept_again;
    control->again.work.cookie = control;
    int error = hosted_event_loop_add(loop, &control->source, EPOLLIN);
    if (error) {
        message_error("--control %s: %s", path, strerror(-error));
        control_close(control);
        return -1;
    }
    return 0;
}

void control_close(struct control *control)
{
    if (!control->open) {
        return;
    }
    for (unsigned i = 0; i < CONTROL_CLIENTS; i++) {
        if (control->clients[i].connected) {
            forget(&control->clients[i]);
        }
    }
    hosted_event_source_remove(&control->source);
    const struct vmmp_host host = hosted_event_loop_host(control->loop);
    host.ops->timer_cancel(host.cookie, &control->again);
    hosted_unix_unlisten(&control->listener);
    control->open = false;
}
