/* SPDX-License-Identifier: BSD-2-Clause */
/* Included by clients; nothing of it is used. */
#pragma once
