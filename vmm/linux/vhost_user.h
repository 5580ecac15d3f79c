/* SPDX-License-Identifier: BSD-2-Clause */
/* `vmm vhost-user`: one device for front-ends in other programs (hosted/vhost_user.h). */
#pragma once

#include "options.h"

/** Serves until SIGTERM or SIGINT. Returns an exit status: 0, or RUN_ERROR (said). */
int vhost_user_serve(const struct options *options);
