/* The ring of events between processes: order, completeness, sleeping, death, and what is refused. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ring_support.h"

#define MILLION 1000000u

static void a_million_events_arrive_in_order(void **state)
{
    (void)state;
    struct tcpk_ring *ring = ring_make(4096);
    const pid_t reader = ring_fork_reader(ring, MILLION, 0);
    assert_int_equal(tcpk_ring_attach_writer(ring, NULL), TCPK_OK);
    ring_await_readers(ring, 1);
    ring_write_events(ring, 0, MILLION, 64);
    assert_int_equal(ring_wait_for(reader), 0);
    tcpk_ring_close(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_million_events_arrive_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
