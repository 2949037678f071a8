/* SPDX-License-Identifier: GPL-2.0 */
/* What the exercises share: a ring opened through the device, and the protocol of ring_layout.h in its plainest form,
 * written anew so that the module is not tested by the library that is written for it. */
#ifndef TCPK_RING_EXERCISE_H
#define TCPK_RING_EXERCISE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <tcpk/ring_layout.h>

#define DEVICE "/dev/tcpk_ring"

struct ring {
    int handle;
    struct tcpk_ring_geometry geometry;
    unsigned char *memory;
    struct tcpk_ring_header *header;
    struct tcpk_ring_readers *readers;
    struct tcpk_ring_slot *slots;
    uint32_t number; /* a reader's */
    uint64_t next;   /* position that is written or read next */
};

/* Ends the process with the line, the text and errno when `holds` is false. */
#define REQUIRE(holds, ...) require((holds), __FILE__, __LINE__, __VA_ARGS__)
void require(bool holds, const char *file, int line, const char *format, ...) __attribute__((format(printf, 4, 5)));

int open_device(int flags);
/* Opens, takes the role and maps; a role that a dying process still has is waited for. */
struct ring open_writer(void);
struct ring open_reader(void);
void close_ring(struct ring *ring);

/* Both sleep in poll when there is nothing to do, and fail after ten seconds of it. */
void publish(struct ring *ring);
/* Reads what is there, at least one event and up to `most`, checks each, returns how many. */
uint64_t consume(struct ring *ring, uint64_t most);
bool wait_ready(int handle, short events, int milliseconds);

double seconds(void);
uint64_t random_number(void); /* seeded by the command line */
pid_t start(void (*child)(void));
void end(pid_t child, int signal_number);
int outcome(pid_t child); /* exit status, or 128 + signal */

void exercise_roles(void);
void exercise_mappings(void);
void exercise_commands(void);
void exercise_waiting(void);
void exercise_stream(void);
void exercise_deaths(void);
void exercise_hostile(void);
void hold(void);

#endif
