// SPDX-License-Identifier: GPL-2.0
/* /dev/tcpk_ring: one ring of events in pinned memory, shared by processes that never need the kernel to pass one on.
 * include/tcpk/ring_layout.h is the contract. Loading takes the memory, unloading gives it back; in between the kernel
 * holds the module for every open file and every mapping. */
#define pr_fmt(text) KBUILD_MODNAME ": " text

#include "module.h"

#include <linux/log2.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

static unsigned int slots = 65536;
module_param(slots, uint, 0444);
MODULE_PARM_DESC(slots, "Events that the ring holds: a power of two from 64 to 16777216 (default: 65536)");

static bool huge = true;
module_param(huge, bool, 0444);
MODULE_PARM_DESC(huge, "Whether to take memory in pieces of 2 MiB where there are any (default: Y)");

struct tcpk_ring tcpk_ring = {
    .lock = __SPIN_LOCK_UNLOCKED(tcpk_ring.lock),
    .wait_for_events = __WAIT_QUEUE_HEAD_INITIALIZER(tcpk_ring.wait_for_events),
    .wait_for_room = __WAIT_QUEUE_HEAD_INITIALIZER(tcpk_ring.wait_for_room),
};

/* Root's alone until udev's rule gives it to a group. */
static struct miscdevice device = {
    .minor = MISC_DYNAMIC_MINOR,
    .name = "tcpk_ring",
    .fops = &tcpk_ring_operations,
    .mode = 0600,
};

static int __init load(void)
{
    int error;

    if (slots < TCPK_RING_MIN_SLOTS || slots > TCPK_RING_MAX_SLOTS || !is_power_of_2(slots)) {
        pr_err("slots=%u: allowed are powers of two from %u to %u\n", slots, TCPK_RING_MIN_SLOTS, TCPK_RING_MAX_SLOTS);
        return -EINVAL;
    }
    error = tcpk_ring_files_prepare();
    if (error)
        return error;
    error = tcpk_ring_allocate(&tcpk_ring, slots, huge);
    if (error) {
        pr_err("slots=%u: no memory for them\n", slots);
        goto no_memory;
    }
    error = misc_register(&device);
    if (error) {
        pr_err("no device: error %d\n", error);
        goto no_device;
    }
    pr_info("%u slots, %llu bytes in pieces of %u\n", slots, tcpk_ring.geometry.bytes, tcpk_ring.geometry.page_bytes);
    return 0;

no_device:
    tcpk_ring_free(&tcpk_ring);
no_memory:
    tcpk_ring_files_finish();
    return error;
}

static void __exit unload(void)
{
    misc_deregister(&device);
    tcpk_ring_free(&tcpk_ring);
    tcpk_ring_files_finish();
}

module_init(load);
module_exit(unload);

MODULE_DESCRIPTION("A ring of events in pinned memory that processes share");
MODULE_AUTHOR("the tcp-performance authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(TCPK_RING_MODULE_VERSION);
