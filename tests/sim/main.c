/*
 * The simulation: many runs, one after the other, each with a seed of its own and in a process of its own.
 *
 *   sim [--seed N] [--runs N] [--seconds N] [--stop] [--faults LIST] [--trace] [--verify]
 */
#include "files.h"
#include "run.h"
#include "virtual_time.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHOWN_MAX   20 /* failures */
#define HANG_S      60 /* that a run may take of real time */
#define ALL_FAULTS  ((1u << FAULT_KINDS) - 1)
#define DIGITS_BASE 10

struct plan {
    uint64_t seed, runs;
    unsigned seconds; /* 0: no limit */
    bool verify; /* each run twice: the same must happen */
    bool stop; /* after the first violation */
    struct run_options options;
};

static void print_usage(void)
{
    printf("usage: sim [options]\n\n"
           "  --seed N        the first run's; each further one has the next. Default: 1\n"
           "  --runs N        so many runs, with each of them as many seeds. Default: 1000\n"
           "  --seconds N     no further run is begun after so many seconds\n"
           "  --stop          nor after one with a violation\n"
           "  --faults LIST   only these kinds, separated by commas; or \"all\", which is the default, or "
           "\"none\";\n"
           "                  a minus before a kind leaves it out of all\n"
           "  --trace         prints all that happens; for one run\n"
           "  --verify        plays each run twice, and sees that the same happens\n\nfaults:\n");
    for (int i = 0; i < FAULT_KINDS; i++)
        printf("  %-10s  %s\n", fault_word((enum fault)i), fault_help((enum fault)i));
}

static unsigned find_fault(const char *word)
{
    for (int i = 0; i < FAULT_KINDS; i++) {
        if (strcmp(fault_word((enum fault)i), word) == 0)
            return FAULT_BIT(i);
    }
    fprintf(stderr, "sim: there is no fault \"%s\"; --help lists them\n", word);
    exit(2);
}

static unsigned read_faults(char *list)
{
    char *rest = list;
    unsigned kinds = *list == '-' ? ALL_FAULTS : 0;
    for (char *word; (word = strsep(&rest, ","));) {
        if (strcmp(word, "all") == 0)
            kinds = ALL_FAULTS;
        else if (*word == '-')
            kinds &= ~find_fault(word + 1);
        else if (strcmp(word, "none") != 0)
            kinds |= find_fault(word);
    }
    return kinds;
}

static uint64_t read_number(const char *text)
{
    char *end;
    uint64_t number = strtoull(text, &end, DIGITS_BASE);
    if (end != text && !*end)
        return number;
    fprintf(stderr, "sim: \"%s\" is no number\n", text);
    exit(2);
}

static void read_arguments(int argc, char **argv, struct plan *plan)
{
    static const struct option options[] = {{"seed", required_argument, NULL, 's'},
                                            {"runs", required_argument, NULL, 'r'},
                                            {"seconds", required_argument, NULL, 't'},
                                            {"faults", required_argument, NULL, 'f'},
                                            {"trace", no_argument, NULL, 'p'},
                                            {"stop", no_argument, NULL, 'x'},
                                            {"verify", no_argument, NULL, 'v'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    *plan = (struct plan){.seed = 1, .runs = 1000, .options.kinds = ALL_FAULTS};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 's':
            plan->seed = read_number(optarg);
            break;
        case 'r':
            plan->runs = read_number(optarg);
            break;
        case 't':
            plan->seconds = (unsigned)read_number(optarg);
            plan->runs = UINT64_MAX;
            break;
        case 'f':
            plan->options.kinds = read_faults(optarg);
            break;
        case 'p':
            plan->options.trace = true;
            plan->runs = 1;
            break;
        case 'x':
            plan->stop = true;
            break;
        case 'v':
            plan->verify = true;
            break;
        default:
            print_usage();
            exit(option == 'h' ? 0 : 2);
        }
    }
}

/* Plays one. False: something was wrong, and `totals` says what. */
static bool play(const struct plan *plan, uint64_t seed, struct totals *totals)
{
    totals->violation[0] = '\0';
    fflush(stdout);
    pid_t child = fork();
    if (child < 0) {
        perror("sim: fork");
        exit(1);
    }
    if (child == 0) {
        alarm(HANG_S);
        run_play(seed, &plan->options, totals);
    }
    int status = 0;
    waitpid(child, &status, 0);
    files_empty_root(plan->options.root);
    totals->runs++;
    if (WIFSIGNALED(status) && !totals->violation[0])
        snprintf(totals->violation, sizeof(totals->violation), "it was ended by SIG%s",
                 sigabbrev_np(WTERMSIG(status)));
    else if (status != 0 && !totals->violation[0])
        snprintf(totals->violation, sizeof(totals->violation), "it has exited with %d", WEXITSTATUS(status));
    return status == 0;
}

/* The same again must be the same. */
static bool play_verified(const struct plan *plan, uint64_t seed, struct totals *totals)
{
    bool good = play(plan, seed, totals);
    uint64_t hash = totals->hash;
    if (!plan->verify || !good)
        return good;
    if (!play(plan, seed, totals))
        return false;
    if (totals->hash == hash)
        return true;
    snprintf(totals->violation, sizeof(totals->violation), "another run of the seed was another one");
    return false;
}

static struct totals *make_totals(void)
{
    void *memory =
        mmap(NULL, sizeof(struct totals), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        perror("sim: mmap");
        exit(1);
    }
    return memory;
}

int main(int argc, char **argv)
{
    struct plan plan;
    read_arguments(argc, argv, &plan);
    struct totals *totals = make_totals();
    if (files_make_root(plan.options.root, sizeof(plan.options.root)) < 0) {
        perror("sim: a folder for its files");
        return 1;
    }
    uint64_t began_ms = virtual_time_real_ms(), failures = 0, run = 0;
    for (; run < plan.runs && !(plan.stop && failures); run++) {
        if (plan.seconds && virtual_time_real_ms() >= began_ms + plan.seconds * UINT64_C(1000))
            break;
        if (play_verified(&plan, plan.seed + run, totals))
            continue;
        if (failures++ < SHOWN_MAX)
            printf("seed %" PRIu64 ": %s\n", plan.seed + run, totals->violation);
    }
    files_remove_root(plan.options.root);
    uint64_t took_ms = virtual_time_real_ms() - began_ms;
    if (plan.options.trace)
        printf("hash %016" PRIx64 "\n", totals->hash);
    else
        totals_print(totals);
    printf("sim: %" PRIu64 " runs from seed %" PRIu64 " in %.1f s (%.0f a minute), %" PRIu64
           " with a violation\n",
           run, plan.seed, (double)took_ms / 1000, (double)run * 60000 / (double)(took_ms + 1), failures);
    return failures ? 1 : 0;
}
