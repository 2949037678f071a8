#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

static const char USAGE[] =
    "usage: tcp_behavioral_engine validate [--registry FILE]\n"
    "       tcp_behavioral_engine bench [--json] [--registry FILE] [--rounds N]\n"
    "       tcp_behavioral_engine replay [--json] --registry FILE --trace FILE\n"
    "       tcp_behavioral_engine registry FILE\n"
    "       tcp_behavioral_engine --help | --version\n"
    "\n"
    "  validate   read a registry (TCPDB), check every record, look every name up, and hold every variant of every\n"
    "             kernel against the generic one; without a file on a generated registry\n"
    "  bench      measure the kernels against their targets and floors; times in ns, medians of N rounds (201)\n"
    "  replay     run a trace through the engine; a line an event: agent id <TAB> command name, and if\n"
    "             there are features <TAB> 48 hexadecimal digits\n"
    "  registry   print a registry: key, risk, decision, costs and name of each command\n"
    "\n"
    "exit: 0 ok, 1 a check failed, 2 usage or bad input\n"
    "environment: TCPK_VARIANT=generic|avx2|avx512|neon forces a variant; one that this machine lacks is an error\n";

int complain(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    fputs("tcp_behavioral_engine: ", stderr);
    vfprintf(stderr, format, values);
    fputc('\n', stderr);
    va_end(values);
    return EXIT_USAGE;
}

struct tcpk_registry *open_registry(const char *path, size_t generated)
{
    struct tcpk_error error = {0};
    struct tcpk_registry *registry = NULL;
    const enum tcpk_status status =
        path ? tcpk_registry_load(path, &registry, &error) : tcpk_registry_generate(generated, 1, &registry, &error);
    if (status == TCPK_ERROR_IO)
        complain("%s", error.message);
    else if (status != TCPK_OK)
        complain("%s: %s", path ? path : "generated registry", error.message);
    return registry;
}

static int run(const char *command, const struct arguments *arguments)
{
    if (strcmp(command, "validate") == 0)
        return command_validate(arguments);
    if (strcmp(command, "bench") == 0)
        return command_bench(arguments);
    if (strcmp(command, "replay") == 0)
        return command_replay(arguments);
    return command_registry(arguments);
}

/* The options that a command takes, by their short letters. */
static const char *allowed_options(const char *command)
{
    static const char *const OPTIONS[][2] = {{"validate", "r"}, {"bench", "jrn"}, {"replay", "jrt"}, {"registry", ""}};
    for (size_t i = 0; i < sizeof OPTIONS / sizeof *OPTIONS; i++)
        if (strcmp(OPTIONS[i][0], command) == 0)
            return OPTIONS[i][1];
    return NULL;
}

int main(int count, char **words)
{
    static const struct option OPTIONS[] = {
        {"registry", required_argument, NULL, 'r'}, {"trace", required_argument, NULL, 't'},
        {"rounds", required_argument, NULL, 'n'},   {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},           {0}};
    if (count < 2)
        return complain("a command is needed: validate, bench, replay or registry (--help explains)");
    const char *command = words[1];
    if (strcmp(command, "--help") == 0 || strcmp(command, "-h") == 0)
        return fputs(USAGE, stdout) < 0;
    if (strcmp(command, "--version") == 0)
        return printf("tcp_behavioral_engine %s\n", tcpk_version()) < 0;
    const char *allowed = allowed_options(command);
    if (!allowed)
        return complain("unknown command '%s'; allowed: validate, bench, replay, registry (--help explains)", command);

    struct arguments arguments = {.rounds = 201};
    opterr = 0;
    optind = 2;
    int which = 0;
    for (int option; (option = getopt_long(count, words, ":", OPTIONS, &which)) != -1;) {
        const char *given = words[optind - 1];
        if (option == 'h')
            return fputs(USAGE, stdout) < 0;
        if (option == ':')
            return complain("%s needs a value", given);
        if (option == '?')
            return complain("%s does not take '%s' (--help explains)", command, given);
        if (!strchr(allowed, option))
            return complain("%s does not take '--%s' (--help explains)", command, OPTIONS[which].name);
        if (option == 'r')
            arguments.registry = optarg;
        else if (option == 't')
            arguments.trace = optarg;
        else if (option == 'j')
            arguments.json = true;
        else if (option == 'n') {
            char *end;
            arguments.rounds = strtol(optarg, &end, 10);
            if (*end || arguments.rounds < 3 || arguments.rounds > 100000)
                return complain("--rounds is '%s'; allowed: 3 to 100000", optarg);
        }
    }
    const bool takes_file = strcmp(command, "registry") == 0;
    if (takes_file && optind + 1 == count)
        arguments.registry = words[optind++];
    if (optind < count)
        return complain("%s does not take '%s' (--help explains)", command, words[optind]);
    if (takes_file && !arguments.registry)
        return complain("registry needs a file");

    struct tcpk_error error = {0};
    if (!tcpk_variant() && tcpk_variant_select(NULL, &error) != TCPK_OK)
        return complain("TCPK_VARIANT: %s", error.message);
    return run(command, &arguments);
}
