/* SPDX-License-Identifier: BSD-2-Clause */
/* `vmm ctl`: the other end of the control socket. */
#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "message.h"

static const char *mend(int error)
{
    switch (error) {
    case -ENOENT:
    case -ECONNREFUSED:
        return "no VMM listens there: start one with --control PATH";
    case -EACCES:
    case -EPERM:
        return "only the user who started the VMM may use it";
    default:
        return "give the path that the VMM's --control has";
    }
}

static int connect_to(const char *path)
{
    int fd = hosted_unix_connect(path, SOCK_STREAM);
    if (fd < 0) {
        message_error("ctl %s: %s: %s", path, strerror(-fd), mend(fd));
        return -1;
    }
    int flags = fcntl(fd, F_GETFL);
    fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
    return fd;
}

static bool make_request(char request[CONTROL_REQUEST], int count, char *const words[])
{
    size_t size = 0;
    for (int i = 0; i < count; i++) {
        size_t length = strlen(words[i]);
        if (length + 1 > CONTROL_REQUEST - 1 - size || strpbrk(words[i], " \t\r\n")) {
            message_error("ctl: '%.40s': a word has no spaces, and all of them have fewer than %d "
                          "characters",
                          words[i], CONTROL_REQUEST);
            return false;
        }
        memcpy(request + size, words[i], length);
        size += length;
        request[size++] = i + 1 < count ? ' ' : '\n';
    }
    request[size] = '\0';
    return true;
}

/* A file that the VMM is to write is where the user says, and not where the VMM happens to be. */
static bool name_file(const char *name, char path[CONTROL_REQUEST])
{
    char folder[CONTROL_REQUEST] = "";
    if (name[0] != '/' && !getcwd(folder, sizeof(folder))) {
        message_error("ctl: %.40s: give its path from / on", name);
        return false;
    }
    int length = snprintf(path, CONTROL_REQUEST, "%s%s%s", folder, name[0] == '/' ? "" : "/", name);
    if (length >= CONTROL_REQUEST) {
        message_error("ctl: the path of %.40s is longer than %d characters", name, CONTROL_REQUEST);
        return false;
    }
    return true;
}

/* Copies the reply; true if it begins with what a good one does. */
static bool copy_reply(int fd, FILE *out)
{
    static const char good[] = "{\"ok\": true";
    char bytes[4096];
    bool ok = false;
    bool first = true;
    ssize_t size;
    while ((size = recv(fd, bytes, sizeof(bytes), 0)) > 0) {
        if (first) {
            ok = (size_t)size >= sizeof(good) - 1 && memcmp(bytes, good, sizeof(good) - 1) == 0;
            first = false;
        }
        fwrite(bytes, 1, (size_t)size, out);
    }
    if (first) {
        message_error("ctl: the VMM ended before it answered");
    }
    return ok;
}

int control_call(const char *socket, int count, char *const words[], FILE *out)
{
    char request[CONTROL_REQUEST];
    char path[CONTROL_REQUEST];
    char *file[] = { words[0], path };
    if (count == 2 && strcmp(words[0], "screenshot") == 0) {
        if (!name_file(words[1], path)) {
            return 1;
        }
        words = file;
    }
    if (!make_request(request, count, words)) {
        return 1;
    }
    int fd = connect_to(socket);
    if (fd < 0) {
        return 1;
    }
    bool ok = send(fd, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request) &&
              copy_reply(fd, out);
    close(fd);
    return ok ? 0 : 1;
}
