/* SPDX-License-Identifier: BSD-2-Clause */
#include <hosted/entropy.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* The loop calls again until the reason is gone; once is what is asked for. */
static void readable(void *cookie, uint32_t events)
{
    struct hosted_entropy *entropy = cookie;
    (void)events;
    hosted_event_source_remove(&entropy->source);
    entropy->waiting = false;
    if (entropy->ready) {
        entropy->ready(entropy->ready_cookie);
    }
}

static void wait_for_bytes(struct hosted_entropy *entropy)
{
    if (!entropy->waiting && entropy->ready && entropy->fd >= 0) {
        entropy->source.fd = entropy->fd;
        entropy->waiting = !hosted_event_loop_add(entropy->loop, &entropy->source, EPOLLIN);
    }
}

static void end(struct hosted_entropy *entropy, const char *why)
{
    if (!entropy->ended) {
        entropy->ended = true;
        vmmp_log(entropy->log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 "the source of random bytes has failed (%s): guests get no more; "
                 "leave it out to have the kernel's",
                 why);
    }
}

static ssize_t take(const struct hosted_entropy *entropy, void *buffer, size_t len)
{
    return entropy->from_file ? read(entropy->fd, buffer, len)
                              : getrandom(buffer, len, GRND_NONBLOCK);
}

static size_t fill(void *cookie, void *buffer, size_t len)
{
    struct hosted_entropy *entropy = cookie;
    size_t done = 0;
    while (done < len && !entropy->ended) {
        ssize_t got = take(entropy, (uint8_t *)buffer + done, len - done);
        if (got > 0) {
            done += (size_t)got;
        } else if (got == 0) {
            end(entropy, "end of file");
        } else if (errno == EAGAIN) {
            break;
        } else if (errno != EINTR) {
            end(entropy, strerror(errno));
        }
    }
    if (done == 0 && !entropy->ended) {
        wait_for_bytes(entropy);
    }
    return done;
}

int hosted_entropy_open(struct hosted_entropy *entropy, const char *path,
                        struct hosted_event_loop *loop, const struct vmmp_log *log)
{
    char byte;
    memset(entropy, 0, sizeof(*entropy));
    entropy->loop = loop;
    entropy->log = log;
    entropy->from_file = path != NULL;
    entropy->fd = -1;
    entropy->source.ready = readable;
    entropy->source.cookie = entropy;
    /* Opened now, while files may still be opened: later a sandbox may forbid it. */
    if (!path && getrandom(&byte, 1, GRND_NONBLOCK) < 0 && errno == EAGAIN) {
        path = "/dev/random";
    }
    if (path) {
        entropy->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (entropy->fd < 0) {
            return -errno;
        }
    }
    return 0;
}

static void stop_waiting(struct hosted_entropy *entropy)
{
    hosted_event_source_remove(&entropy->source);
    entropy->waiting = false;
}

void hosted_entropy_close(struct hosted_entropy *entropy)
{
    stop_waiting(entropy);
    if (entropy->fd >= 0) {
        close(entropy->fd);
        entropy->fd = -1;
    }
}

struct vmmp_entropy hosted_entropy_backend(struct hosted_entropy *entropy)
{
    return (struct vmmp_entropy){ fill, entropy };
}

void hosted_entropy_on_ready(struct hosted_entropy *entropy, void (*ready)(void *cookie),
                             void *cookie, const struct vmmp_context *context)
{
    stop_waiting(entropy);
    entropy->ready = ready;
    entropy->ready_cookie = cookie;
    entropy->source.context = context;
}
