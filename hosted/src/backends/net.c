/* SPDX-License-Identifier: BSD-2-Clause */
#include "backends/net_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int net_refuse(char why[HOSTED_NET_WHY], int error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, HOSTED_NET_WHY, format, arguments);
    va_end(arguments);
    return -error;
}

void net_complain(const struct hosted_net *net, const char *what, int error)
{
    vmmp_log(net->model->virtio.log, VMMP_LOG_WARNING, VMMP_LOG_HOST, "virtio-net: %s: %s", what,
             strerror(error));
}

void hosted_net_backend(struct hosted_net *net, struct vmmp_virtio_net_backend *backend)
{
    *backend = net->ops->backend;
    backend->cookie = net;
    backend->offloads = net->offloads;
}

int hosted_net_set_mtu(struct hosted_net *net, unsigned mtu, char why[HOSTED_NET_WHY])
{
    return net->ops->set_mtu ? net->ops->set_mtu(net, mtu, why) : 0;
}

int hosted_net_attach(struct hosted_net *net, struct vmmp_virtio_net *model,
                      struct hosted_event_loop *loop)
{
    net->model = model;
    net->loop = loop;
    net->host = hosted_event_loop_host(loop);
    int result = net->ops->attach(net);
    if (result != 0) {
        net->ops->detach(net);
        net->model = NULL;
    }
    return result;
}

void hosted_net_detach(struct hosted_net *net)
{
    if (net->model) {
        net->ops->detach(net);
        net->model = NULL;
    }
}

void hosted_net_close(struct hosted_net *net)
{
    if (net) {
        hosted_net_detach(net);
        net->ops->close(net);
    }
}
