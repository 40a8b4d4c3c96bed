/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_DISK_H
#define SIM_DISK_H

/*
 * A disk in memory behind struct file_ops, with a page cache that a crash may lose, tear at 512 bytes and
 * reorder, and with calls that fail. One directory level is modelled: names are whole paths, and an
 * fsync of any directory makes all names durable. One thread.
 */

#include "base/file.h"

enum disk_crash {
    DISK_LOSE,   /* nothing that was not synced is there */
    DISK_KEEP,   /* all of it is there: the process died, the machine did not */
    DISK_PREFIX, /* the first writes are there, the last of them torn */
    DISK_RANDOM, /* any sector of any write may be there */
    DISK_CRASHES
};

enum disk_fault { DISK_NO_FAULT, DISK_ENOSPC, DISK_EIO, DISK_EINTR, DISK_SHORT, DISK_FAULTS };

struct disk;

struct disk *disk_new(uint64_t seed);
void disk_free(struct disk *d);
/* A copy with everything durable. */
struct disk *disk_clone(const struct disk *d);
const struct file_ops *disk_ops(struct disk *d);

/* Calls so far. */
uint64_t disk_calls(const struct disk *d);
/* The n-th call from now on (from 1) and all after it fail: the world has ended. */
void disk_crash_at(struct disk *d, uint64_t n);
/* The n-th call from now on fails once, in that way where it can. */
void disk_fault_at(struct disk *d, uint64_t n, enum disk_fault fault);
bool disk_crashed(const struct disk *d);
/* Did a failing call hit an fsync or fdatasync? */
bool disk_sync_failed(const struct disk *d);
/* What the next start finds; all descriptors are closed. */
void disk_restart(struct disk *d, enum disk_crash how);

/* Direct access, for tests that damage files. NULL when there is no such file. */
char *disk_bytes(struct disk *d, const char *path, size_t *ret_n);
void disk_set(struct disk *d, const char *path, const void *p, size_t n);
void disk_remove(struct disk *d, const char *path);
/* The path of the i-th file in order of name, or NULL. */
const char *disk_path(struct disk *d, size_t i);
/* Descriptors that are open. */
int disk_open_count(const struct disk *d);

uint64_t disk_random(uint64_t *state);

#endif
