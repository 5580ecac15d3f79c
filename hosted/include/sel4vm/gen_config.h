/* SPDX-License-Identifier: BSD-2-Clause */
/* libsel4vm's build options: none is set. */
#pragma once
