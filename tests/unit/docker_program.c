/* What the test containers run: the only file of their image, so linked statically.
 *
 *     say OUT ERR CODE   one line on each stream, then exit
 *     lines COUNT        numbered lines
 *     serve              says "ready", waits for SIGTERM, exits 0
 *     eat                takes memory until something stops it
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int say(char **words)
{
    printf("%s\n", words[0]);
    fflush(stdout);
    fprintf(stderr, "%s\n", words[1]);
    return (int)strtol(words[2], NULL, 10);
}

static int print_lines(char **words)
{
    long count = strtol(words[0], NULL, 10);
    for (long i = 1; i <= count; i++)
        printf("line %ld\n", i);
    return 0;
}

static int serve(char **words)
{
    (void)words;
    sigset_t set;
    int signal_number;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    printf("ready\n");
    fflush(stdout);
    sigwait(&set, &signal_number);
    return 0;
}

static int eat(char **words)
{
    (void)words;
    const size_t bite = 1u << 20;
    for (;;) {
        char *memory = malloc(bite);
        if (!memory)
            return 1;
        memset(memory, 1, bite);
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int words;
        int (*run)(char **words);
    } commands[] = {{"say", 3, say}, {"lines", 1, print_lines}, {"serve", 0, serve}, {"eat", 0, eat}};
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (argc == commands[i].words + 2 && strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argv + 2);
    return 64;
}
