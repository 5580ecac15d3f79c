/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's end of tests with vsock.
 *
 *   vsock_echo [--seqpacket] listen PORT
 *        listens, prints its process, and sends back what each client sends, in the background
 *   vsock_echo [--seqpacket] connect CID PORT COUNT BYTES
 *        COUNT connections at once, BYTES through each, which must come back as they were; prints
 *        "ok COUNT BYTES"
 *   vsock_echo [--seqpacket] refused CID PORT        prints the error's name
 *   vsock_echo cid                                   prints the guest's own CID
 *   vsock_echo wait CID PORT                         connects, and waits for the connection's end
 */
#include "stay_behind.h"
#include "vsock_stream.h"

#include <sys/ioctl.h>

#include <linux/vm_sockets.h>

static struct sockaddr_vm address_of(unsigned cid, unsigned port)
{
    return (struct sockaddr_vm){ .svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port };
}

static int new_socket(int type)
{
    int fd = socket(AF_VSOCK, type, 0);
    if (fd < 0) {
        die("socket");
    }
    return fd;
}

static int listen_on(unsigned port, int type)
{
    struct sockaddr_vm address = address_of(VMADDR_CID_ANY, port);
    int fd = new_socket(type);
    if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 256) != 0) {
        die("listen");
    }
    return fd;
}

static int connect_to(unsigned cid, unsigned port, int type)
{
    struct sockaddr_vm address = address_of(cid, port);
    int fd = new_socket(type);
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static unsigned number(const char *text)
{
    return (unsigned)strtoul(text, NULL, 10);
}

static int print_cid(void)
{
    unsigned cid;
    int fd = open("/dev/vsock", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || ioctl(fd, IOCTL_VM_SOCKETS_GET_LOCAL_CID, &cid) != 0) {
        die("/dev/vsock");
    }
    printf("%u\n", cid);
    return 0;
}

static int wait_for_end(unsigned cid, unsigned port)
{
    char byte;
    int fd = connect_to(cid, port, SOCK_STREAM);
    if (fd < 0) {
        die("connect");
    }
    printf("connected\n");
    fflush(stdout);
    ssize_t got = recv(fd, &byte, 1, 0);
    printf("%s\n", got == 0 ? "end" : got < 0 ? strerrorname_np(errno) : "data");
    return 0;
}

int main(int argc, char **argv)
{
    int type = take_type(&argc, argv);
    if (argc == 2 && strcmp(argv[1], "cid") == 0) {
        return print_cid();
    }
    if (argc == 3 && strcmp(argv[1], "listen") == 0) {
        int fd = listen_on(number(argv[2]), type);
        stay_behind();
        echo_server(fd, type, 0);
    } else if (argc == 4 && strcmp(argv[1], "refused") == 0) {
        int fd = connect_to(number(argv[2]), number(argv[3]), type);
        printf("%s\n", fd < 0 ? strerrorname_np(errno) : "accepted");
    } else if (argc == 4 && strcmp(argv[1], "wait") == 0) {
        return wait_for_end(number(argv[2]), number(argv[3]));
    } else if (argc == 6 && strcmp(argv[1], "connect") == 0) {
        int count = atoi(argv[4]);
        struct stream *streams = new_streams(count);
        for (int i = 0; i < count; i++) {
            streams[i].fd = connect_to(number(argv[2]), number(argv[3]), type);
            if (streams[i].fd < 0) {
                die("connect");
            }
        }
        exchange(streams, count, (uint64_t)atoll(argv[5]), type);
    } else {
        fprintf(stderr, "usage: see the source\n");
        return 2;
    }
    return 0;
}
