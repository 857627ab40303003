/* berth: asks the daemon, over its management API, and calls functions. */
#include "cli/command.h"
#include "cli/say.h"
#include "cli/usage.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static int run(const struct command *command, int argc, char **argv)
{
    struct arguments arguments;
    int status = STATUS_USAGE;
    if (arguments_parse(command, argc, argv, &arguments) == 0) {
        if (arguments_has(&arguments, "help")) {
            usage_command(command);
            status = STATUS_OK;
        } else {
            status = command->run(&arguments);
        }
    }
    arguments_clear(&arguments);
    return status;
}

/* Moves the first `count` words of argv behind the `words` that follow them. */
static void move_behind(char **argv, int count, int words)
{
    int last = count + words - 1;
    for (int i = 0; i < count; i++) {
        char *first = argv[0];
        memmove(argv, argv + 1, (size_t)last * sizeof(*argv));
        argv[last] = first;
    }
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_DFL);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int words, leading = arguments_leading(argc - 1, argv + 1);
    if (argc - 1 == leading) {
        bool is_asked = argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
        usage_all();
        return is_asked ? STATUS_OK : STATUS_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("berth " BERTH_VERSION);
        return STATUS_OK;
    }
    const struct command *command = command_find(argc - 1 - leading, argv + 1 + leading, &words);
    if (!command)
        return usage_unknown(argc - 1 - leading, argv + 1 + leading);
    move_behind(argv + 1, leading, words);
    int status = run(command, argc - 1 - words, argv + 1 + words);
    if (fflush(stdout) != 0 && status == STATUS_OK)
        status = STATUS_FAILED;
    return status;
}
