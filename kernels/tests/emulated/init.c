/* The only process of an emulated machine: runs what /programs lists, a command a line with its environment before it
 * (NAME=VALUE), says how each ended, and switches the machine off. For tcp_performance/emulated_cpu.py. */
#define _GNU_SOURCE
#include <cpuid.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_WORDS = 32, LONGEST = 1024, SWITCH_PORT = 0x8900 };

/* What a program would find: the state that the kernel saves, and instructions beyond the least of the variant. */
static void describe_cpu(void)
{
    unsigned low, high, a, b, c = 0, d;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    __get_cpuid_count(7, 0, &a, &b, &c, &d);
    printf("cpu: XCR0 0x%x, VNNI %d\n", low, (c & bit_AVX512VNNI) != 0);
}

static int run(char *line)
{
    char *words[MOST_WORDS + 1], *rest = NULL;
    size_t count = 0;
    for (char *word = strtok_r(line, " ", &rest); word && count < MOST_WORDS; word = strtok_r(NULL, " ", &rest)) {
        if (count == 0 && strchr(word, '='))
            putenv(word);
        else
            words[count++] = word;
    }
    words[count] = NULL;
    if (count)
        execv(words[0], words);
    perror(count ? words[0] : "no program");
    _exit(127);
}

static void run_all(FILE *programs)
{
    char line[LONGEST];
    while (fgets(line, sizeof line, programs)) {
        line[strcspn(line, "\n")] = '\0';
        printf("begin: %s\n", line);
        fflush(stdout);
        const pid_t child = fork();
        if (child == 0)
            run(line);
        int status = 0;
        waitpid(child, &status, 0);
        if (WIFSIGNALED(status))
            printf("end: signal %d\n", WTERMSIG(status));
        else
            printf("end: exit %d\n", WEXITSTATUS(status));
        fflush(stdout);
    }
}

/* What was written still has to leave the serial line. */
static void switch_off(void)
{
    for (int waiting = 1; waiting;) {
        usleep(20000);
        if (ioctl(STDOUT_FILENO, TIOCOUTQ, &waiting) != 0)
            break;
    }
    usleep(20000);
    if (ioperm(SWITCH_PORT, 1, 1) == 0)
        for (const char *letter = "Shutdown"; *letter; letter++)
            outb((unsigned char)*letter, SWITCH_PORT);
    for (;;)
        pause();
}

int main(void)
{
    mkdir("/proc", 0755);
    mkdir("/sys", 0755);
    mount("proc", "/proc", "proc", 0, NULL);
    mount("sysfs", "/sys", "sysfs", 0, NULL);
    describe_cpu();
    FILE *programs = fopen("/programs", "r");
    if (programs)
        run_all(programs);
    puts("all programs have run");
    fflush(stdout);
    switch_off();
}
