/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's end of tests with vsock: unix sockets as hosted/vsock_unix.h says.
 *
 *   unix_peer [--seqpacket] echo PATH                sends back what each client sends, for ever
 *   unix_peer [--seqpacket] count N PATH             as echo, but ends after N clients
 *   unix_peer [--seqpacket] connect PATH PORT COUNT BYTES
 *        COUNT connections at once to the guest's port, BYTES through each, which must come back
 *        as they were; prints "ok COUNT BYTES"
 *   unix_peer [--seqpacket] refused PATH PORT        the guest's port must not accept
 */
#include "vsock_stream.h"

#include <sys/un.h>

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    return address;
}

static int listen_on(const char *path, int type)
{
    struct sockaddr_un address = address_of(path);
    int fd = socket(AF_UNIX, type, 0);
    unlink(path);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(fd, 256) != 0) {
        die(path);
    }
    return fd;
}

/* Connected to the guest's port, or -1 if it refuses. */
static int connect_to(const char *path, const char *port, int type)
{
    struct sockaddr_un address = address_of(path);
    char line[64];
    size_t length = 0;
    int fd = socket(AF_UNIX, type, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        die(path);
    }
    int size = snprintf(line, sizeof(line), "CONNECT %s\n", port);
    if (write(fd, line, (size_t)size) != size) {
        die("CONNECT");
    }
    while (length < sizeof(line) - 1) {
        ssize_t got = read(fd, line + length, type == SOCK_STREAM ? 1 : sizeof(line) - 1);
        if (got <= 0) {
            close(fd);
            return -1;
        }
        length += (size_t)got;
        if (line[length - 1] == '\n') {
            line[length] = 0;
            if (strncmp(line, "OK ", 3) != 0) {
                die("the answer to CONNECT");
            }
            return fd;
        }
    }
    close(fd);
    return -1;
}

int main(int argc, char **argv)
{
    int type = take_type(&argc, argv);
    if (argc == 3 && strcmp(argv[1], "echo") == 0) {
        echo_server(listen_on(argv[2], type), type, 0);
    } else if (argc == 4 && strcmp(argv[1], "count") == 0) {
        echo_server(listen_on(argv[3], type), type, atoi(argv[2]));
    } else if (argc == 6 && strcmp(argv[1], "connect") == 0) {
        int count = atoi(argv[4]);
        struct stream *streams = new_streams(count);
        for (int i = 0; i < count; i++) {
            streams[i].fd = connect_to(argv[2], argv[3], type);
            if (streams[i].fd < 0) {
                die("the guest does not accept");
            }
        }
        exchange(streams, count, (uint64_t)atoll(argv[5]), type);
    } else if (argc == 4 && strcmp(argv[1], "refused") == 0) {
        if (connect_to(argv[2], argv[3], type) >= 0) {
            die("the guest accepts");
        }
        printf("refused\n");
    } else {
        fprintf(stderr, "usage: see the source\n");
        return 2;
    }
    return 0;
}
