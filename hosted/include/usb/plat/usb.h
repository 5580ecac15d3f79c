/* SPDX-License-Identifier: BSD-2-Clause */
/* A board's USB controllers, by number. */
#pragma once

enum usb_host_id { USB_HOST0, USB_NHOSTS, USB_HOST_DEFAULT = USB_HOST0 };
