/* ring_peers [--rounds N] [--device PATH]: events from one process to another, through the ring and through what a user
 * could take instead; JSON on standard output, as peers prints it. Each contender has a process of its own at the other
 * end, on another CPU where there is one; contenders take turns, and only those whose turn it is are awake. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ring_channels.h"
#include "two_cpus.h"

enum { MOST_CONTENDERS = 8, MOST_ROUNDS = 1000, EVENTS = 16384, PINGS = 512, LONGEST = 300 };

/* What the two processes of a contender share besides their channel. */
struct shared {
    uint64_t ball __attribute__((aligned(128))); /* of the floor */
    uint64_t ready __attribute__((aligned(128)));
    uint64_t done; /* rounds that the other end has finished */
};

enum work { STREAM, PING_PONG, FLOOR };

struct contender {
    const char *name;
    struct channel channel;
    enum work work;
    size_t batch;
    struct shared *shared;
    int turns[2]; /* a byte written there begins a round */
    pid_t process;
    double samples[MOST_ROUNDS];
};

static struct {
    long rounds;
    const char *device;
    int cpus[2]; /* -1: there is one */
} it = {21, NULL, {-1, -1}};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return 1e9 * (double)time.tv_sec + (double)time.tv_nsec;
}

static void spin_until(const uint64_t *word, uint64_t value)
{
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != value)
        if (it.cpus[1] < 0)
            sched_yield();
}

/* One round at the end that begins; false when the channel failed. */
static bool serve(struct contender *one, uint64_t round)
{
    struct channel *channel = &one->channel;
    uint64_t sum = 0;
    bool good = true;
    switch (one->work) {
    case STREAM:
        for (size_t i = 0; good && i < EVENTS; i += one->batch)
            good = channel->kind->send(channel, THERE, i, one->batch);
        break;
    case PING_PONG:
        for (size_t i = 0; good && i < PINGS; i++)
            good = channel->kind->send(channel, THERE, i, 1) && channel->kind->receive(channel, BACK, 1, &sum);
        break;
    case FLOOR:
        for (uint64_t i = 0; i < PINGS; i++) {
            __atomic_store_n(&one->shared->ball, 2 * i + 1, __ATOMIC_RELEASE);
            spin_until(&one->shared->ball, 2 * i + 2);
        }
        __atomic_store_n(&one->shared->ball, 0, __ATOMIC_RELEASE);
    }
    if (good)
        spin_until(&one->shared->done, round);
    return good;
}

static bool answer(struct contender *one)
{
    struct channel *channel = &one->channel;
    uint64_t sum = 0;
    bool good = true;
    switch (one->work) {
    case STREAM:
        for (size_t i = 0; good && i < EVENTS; i += one->batch)
            good = channel->kind->receive(channel, THERE, one->batch, &sum);
        break;
    case PING_PONG:
        for (size_t i = 0; good && i < PINGS; i++)
            good = channel->kind->receive(channel, THERE, 1, &sum) && channel->kind->send(channel, BACK, i, 1);
        break;
    case FLOOR:
        for (uint64_t i = 0; i < PINGS; i++) {
            spin_until(&one->shared->ball, 2 * i + 1);
            __atomic_store_n(&one->shared->ball, 2 * i + 2, __ATOMIC_RELEASE);
        }
    }
    return good;
}

/* The process at the other end: a round for each byte, until there are no more. */
static void other_end(struct contender *one)
{
    char turn;
    if (it.cpus[1] >= 0)
        pin(it.cpus[1]);
    if (one->channel.kind && !one->channel.kind->begin(&one->channel, BACK))
        _exit(1);
    close(one->turns[1]);
    __atomic_store_n(&one->shared->ready, 1, __ATOMIC_RELEASE);
    for (uint64_t round = 1; read(one->turns[0], &turn, 1) == 1; round++) {
        __atomic_store_n(&one->shared->ready, round + 1, __ATOMIC_RELEASE);
        if (!answer(one))
            _exit(1);
        __atomic_store_n(&one->shared->done, round, __ATOMIC_RELEASE);
    }
    _exit(0);
}

static bool start(struct contender *one)
{
    one->shared = mmap(NULL, sizeof *one->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (one->shared == MAP_FAILED || pipe(one->turns) != 0 ||
        (one->channel.kind && !one->channel.kind->open(&one->channel)))
        return false;
    one->process = fork();
    if (one->process == 0)
        other_end(one);
    if (one->process < 0)
        return false;
    close(one->turns[0]);
    while (__atomic_load_n(&one->shared->ready, __ATOMIC_ACQUIRE) != 1) {
        if (waitpid(one->process, NULL, WNOHANG) != 0)
            return false;
        sched_yield();
    }
    return !one->channel.kind || one->channel.kind->begin(&one->channel, THERE);
}

static bool play(struct contender *one, uint64_t round, double *sample)
{
    if (write(one->turns[1], "g", 1) != 1)
        return false;
    while (__atomic_load_n(&one->shared->ready, __ATOMIC_ACQUIRE) != round + 1)
        sched_yield();
    const double begin = now();
    if (!serve(one, round))
        return false;
    *sample = (now() - begin) / (one->work == STREAM ? EVENTS : 2.0 * PINGS);
    return true;
}

static int ascending(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double share_of(const struct contender *one, double share)
{
    return one->samples[(size_t)(share * (double)(it.rounds - 1) + 0.5)];
}

static void print_row(const char *operation, struct contender *contenders, size_t count)
{
    static bool begun;
    printf("%s\n {\"operation\": \"%s\", \"contenders\": [", begun ? "," : "", operation);
    begun = true;
    const struct contender *floor = NULL;
    for (size_t i = 0; i < count; i++) {
        struct contender *one = &contenders[i];
        qsort(one->samples, (size_t)it.rounds, sizeof *one->samples, ascending);
        if (one->work == FLOOR)
            floor = one;
        else
            printf("%s{\"name\": \"%s\", \"median\": %.3f, \"p10\": %.3f, \"p90\": %.3f}", i ? ", " : "", one->name,
                   share_of(one, 0.5), share_of(one, 0.1), share_of(one, 0.9));
    }
    printf("]");
    if (floor)
        printf(", \"floor\": %.3f", share_of(floor, 0.5));
    printf("}");
    fflush(stdout);
}

/* Measure a row; the first round is not counted. */
static bool compare(const char *operation, struct contender *contenders, size_t count)
{
    bool good = true;
    size_t started = 0;
    fflush(stdout); /* what is buffered would be printed by each process */
    for (; good && started < count; started++)
        if (!start(&contenders[started])) {
            fprintf(stderr, "ring_peers: %s cannot be had: %s\n", contenders[started].name, strerror(errno));
            good = false;
        }
    for (long round = 0; good && round <= it.rounds; round++)
        for (size_t i = 0; good && i < count; i++) {
            struct contender *one = &contenders[((size_t)round + i) % count];
            double sample = 0;
            good = play(one, (uint64_t)round + 1, &sample);
            if (round)
                one->samples[round - 1] = sample;
            if (!good)
                fprintf(stderr, "ring_peers: %s failed: %s\n", one->name, strerror(errno));
        }
    for (size_t i = 0; i < started; i++) /* all of them: processes hold the ends of those that began before them */
        close(contenders[i].turns[1]);
    for (size_t i = 0; i < started; i++) {
        if (!good && contenders[i].process > 0)
            kill(contenders[i].process, SIGKILL);
        if (contenders[i].process > 0)
            waitpid(contenders[i].process, NULL, 0);
        if (contenders[i].channel.kind && good)
            contenders[i].channel.kind->close(&contenders[i].channel);
        munmap(contenders[i].shared, sizeof *contenders[i].shared);
    }
    if (good)
        print_row(operation, contenders, count);
    return good;
}

static bool row(const char *operation, enum work work, size_t batch, bool spins, const char *device)
{
    static struct contender contenders[MOST_CONTENDERS];
    const struct channel_kind *const kinds[] = {&ring_kind, &pipe_kind, &stream_kind, &packet_kind, &queue_kind};
    size_t count = 0;
    memset(contenders, 0, sizeof contenders);
    if (device)
        contenders[count++] = (struct contender){"tcpk in the device", {&ring_kind, spins, device}, work, batch};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        contenders[count++] =
            (struct contender){device && i == 0 ? "tcpk in memory" : kinds[i]->name, {kinds[i], spins}, work, batch};
    if (work == PING_PONG && it.cpus[1] >= 0)
        contenders[count++] = (struct contender){"a cache line", {NULL}, FLOOR, 1};
    return compare(operation, contenders, count);
}

static bool rows(const char *device)
{
    const bool two = it.cpus[1] >= 0;
    const char *const names[2][4] = {
        {"event to another process, one at a time", "event to another process, 64 at once",
         "event to another process, one way, asleep", "event to another process, one way, polling"},
        {"event through the device, one at a time", "event through the device, 64 at once",
         "event through the device, one way, asleep", "event through the device, one way, polling"}};
    const char *const *name = names[device != NULL];
    return row(name[0], STREAM, 1, false, device) && row(name[1], STREAM, LARGEST_BATCH, false, device) &&
           row(name[2], PING_PONG, 1, false, device) && (!two || row(name[3], PING_PONG, 1, true, device));
}

static int complain(const char *what)
{
    fprintf(stderr, "ring_peers: %s\nusage: ring_peers [--rounds N] [--device PATH], N from 3 to %d\n", what,
            MOST_ROUNDS);
    return 2;
}

int main(int count, char **words)
{
    for (int i = 1; i < count; i += 2) {
        if (i + 1 == count)
            return complain("an option needs a value");
        if (strcmp(words[i], "--rounds") == 0)
            it.rounds = strtol(words[i + 1], NULL, 10);
        else if (strcmp(words[i], "--device") == 0)
            it.device = words[i + 1];
        else
            return complain(words[i]);
    }
    if (it.rounds < 3 || it.rounds > MOST_ROUNDS)
        return complain("--rounds is out of range");
    two_cpus(it.cpus);
    if (it.cpus[0] >= 0 && it.cpus[1] >= 0)
        pin(it.cpus[0]);
    alarm(LONGEST);
    printf("{\"comparisons\": [");
    if (!rows(NULL) || (it.device && !rows(it.device)))
        return 1;
    printf("],\n \"absent\": [");
    if (it.cpus[1] < 0)
        printf("{\"name\": \"polling between processes\", \"reason\": \"this process may use one CPU only\"}");
    printf("]}\n");
    return 0;
}
