// SPDX-License-Identifier: GPL-2.0
/* Open files of the device: what a process may ask of one. */
#include "module.h"

#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

/* A cache of their own: slub_debug=FZPU,tcpk_ring_file checks them and slows nobody else. */
static struct kmem_cache *open_files;

int tcpk_ring_files_prepare(void)
{
    open_files = kmem_cache_create("tcpk_ring_file", sizeof(struct tcpk_ring_file), 0, SLAB_ACCOUNT, NULL);
    return open_files ? 0 : -ENOMEM;
}

void tcpk_ring_files_finish(void)
{
    kmem_cache_destroy(open_files);
}

static int open_file(struct inode *inode, struct file *handle)
{
    struct tcpk_ring_file *file = kmem_cache_zalloc(open_files, GFP_KERNEL);

    if (!file)
        return -ENOMEM;
    handle->private_data = file;
    return nonseekable_open(inode, handle);
}

/* Mappings hold the file, so it is released after the last of them. */
static int release_file(struct inode *inode, struct file *handle)
{
    struct tcpk_ring_file *file = handle->private_data;

    if (file->role != TCPK_RING_NO_ROLE)
        tcpk_ring_detach(&tcpk_ring, file);
    kmem_cache_free(open_files, file);
    return 0;
}

static int map_file(struct file *handle, struct vm_area_struct *area)
{
    const struct tcpk_ring_file *file = handle->private_data;

    return tcpk_ring_map(&tcpk_ring, READ_ONCE(file->role), area);
}

static __poll_t poll_file(struct file *handle, poll_table *table)
{
    return tcpk_ring_poll(&tcpk_ring, handle->private_data, handle, table);
}

static long attach_reader(struct tcpk_ring_file *file, u32 __user *number)
{
    int error = tcpk_ring_attach_reader(&tcpk_ring, file);

    if (error)
        return error;
    if (put_user(file->number, number)) {
        tcpk_ring_detach(&tcpk_ring, file);
        return -EFAULT;
    }
    return 0;
}

static long tell_geometry(struct tcpk_ring_info __user *place)
{
    const struct tcpk_ring_info info = {.geometry = tcpk_ring.geometry};

    return copy_to_user(place, &info, sizeof(info)) ? -EFAULT : 0;
}

static long control_file(struct file *handle, unsigned int command, unsigned long argument)
{
    struct tcpk_ring_file *file = handle->private_data;
    void __user *place = (void __user *)argument;

    switch (command) {
    case TCPK_RING_INFO: return tell_geometry(place);
    case TCPK_RING_ATTACH_WRITER:
        return handle->f_mode & FMODE_WRITE ? tcpk_ring_attach_writer(&tcpk_ring, file) : -EACCES;
    case TCPK_RING_ATTACH_READER: return handle->f_mode & FMODE_WRITE ? attach_reader(file, place) : -EACCES;
    case TCPK_RING_DETACH: return tcpk_ring_detach(&tcpk_ring, file);
    case TCPK_RING_WAKE: return tcpk_ring_wake(&tcpk_ring, file);
    default: return -ENOTTY;
    }
}

const struct file_operations tcpk_ring_operations = {
    .owner = THIS_MODULE,
    .open = open_file,
    .release = release_file,
    .mmap = map_file,
    .poll = poll_file,
    .unlocked_ioctl = control_file,
    .compat_ioctl = compat_ptr_ioctl,
    .llseek = noop_llseek,
};
