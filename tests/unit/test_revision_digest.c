/* What makes a revision another one, and what does not. */
#include "fleet/revision/revision_digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct subject {
    struct text_pair environment[3];
    struct function_settings settings;
    char *command[3], *variables[3];
    struct build_launch launch;
    struct prepared prepared;
};

static void subject_init(struct subject *subject)
{
    *subject = (struct subject){
        .environment = {{"A", "1"}, {"B", "2"}},
        .settings = {.name = "hello",
                     .key = "hello",
                     .version = "1",
                     .language = "acting",
                     .memory_bytes = 64 << 20,
                     .cpus = 1,
                     .timeout_ms = 1000,
                     .idle_timeout_ms = 10000,
                     .max_scale = 20,
                     .environment_count = 2},
        .command = {"run", "it"},
        .variables = {"X=y"},
        .launch = {.concurrency = 4},
        .prepared = {.package_digest = "aaaa", .package_bytes = 10, .code_dir = "/a", .image = "image:1"},
    };
    subject->settings.environment = subject->environment;
    subject->launch.command = subject->command;
    subject->launch.environment = subject->variables;
    subject->launch.runtime = (char *)"{\"file\":\"main.x\",\"n\":1}";
    subject->prepared.launch = &subject->launch;
}

static void none(struct subject *subject)
{
    (void)subject;
}

static void version(struct subject *subject)
{
    subject->settings.version = "2";
}

static void place(struct subject *subject)
{
    subject->settings.line = 7;
    subject->settings.folder = "/elsewhere";
    subject->prepared.code_dir = "/b";
}

static void language(struct subject *subject)
{
    subject->settings.language = "python";
}

static void concurrency(struct subject *subject)
{
    subject->settings.concurrency = 4;
}

static void memory(struct subject *subject)
{
    subject->settings.memory_bytes++;
}

static void cpus(struct subject *subject)
{
    subject->settings.cpus = 1.001;
}

static void pids(struct subject *subject)
{
    subject->settings.pids = 9;
}

static void user(struct subject *subject)
{
    subject->settings.user = (char *)"0:0";
}

static void writable_root(struct subject *subject)
{
    subject->settings.read_only = true; /* of zeros it is not */
}

static void timeout(struct subject *subject)
{
    subject->settings.timeout_ms++;
}

static void idle_timeout(struct subject *subject)
{
    subject->settings.idle_timeout_ms++;
}

static void min_scale(struct subject *subject)
{
    subject->settings.min_scale = 1;
}

static void max_scale(struct subject *subject)
{
    subject->settings.max_scale = 19;
}

static void network(struct subject *subject)
{
    subject->settings.network = NETWORK_NONE;
}

static void variable(struct subject *subject)
{
    subject->environment[1].value = "3";
}

static void variable_moved(struct subject *subject)
{
    subject->environment[0] = (struct text_pair){"A1", ""};
}

static void variable_less(struct subject *subject)
{
    subject->settings.environment_count = 1;
}

static void package(struct subject *subject)
{
    memcpy(subject->prepared.package_digest, "aaab", 5);
}

static void dependencies(struct subject *subject)
{
    subject->prepared.dependency_key = "k";
}

static void image(struct subject *subject)
{
    subject->prepared.image = "image:2";
}

static void runtime(struct subject *subject)
{
    subject->launch.runtime = (char *)"{\"file\":\"main.x\",\"n\":2}";
}

static void launch_concurrency(struct subject *subject)
{
    subject->launch.concurrency = 8;
}

static void command(struct subject *subject)
{
    subject->command[1] = "that";
}

static void command_to_variable(struct subject *subject)
{
    subject->command[1] = NULL;
    subject->variables[1] = subject->variables[0];
    subject->variables[0] = "it";
}

static const struct change {
    const char *name;
    void (*make)(struct subject *subject);
    bool matters;
} changes[] = {
    {"nothing", none, false},
    {"the version", version, false},
    {"where things are", place, false},
    {"the language", language, true},
    {"the concurrency", concurrency, true},
    {"the memory", memory, true},
    {"the cpus", cpus, true},
    {"the processes", pids, true},
    {"the user", user, true},
    {"whether the root can be written", writable_root, true},
    {"the time-out", timeout, false},
    {"the idle time-out", idle_timeout, false},
    {"the minimum", min_scale, false},
    {"the maximum", max_scale, false},
    {"the network", network, true},
    {"a variable", variable, true},
    {"a variable's name and value, which read the same together", variable_moved, true},
    {"one variable less", variable_less, true},
    {"the package", package, true},
    {"the dependencies", dependencies, true},
    {"the image", image, true},
    {"the plugin's settings", runtime, true},
    {"the plugin's concurrency", launch_concurrency, true},
    {"the command", command, true},
    {"a word from the command to the environment", command_to_variable, true},
};

static void only_what_matters_changes_it(void **state)
{
    (void)state;
    char digests[sizeof(changes) / sizeof(changes[0])][HASH_HEX_SIZE];
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        struct subject subject;
        subject_init(&subject);
        changes[i].make(&subject);
        revision_digest(&subject.settings, &subject.prepared);
        memcpy(digests[i], subject.prepared.digest, HASH_HEX_SIZE);
        assert_int_equal(strlen(digests[i]), HASH_HEX_SIZE - 1);
        for (size_t k = 0; k < i; k++) {
            bool same = strcmp(digests[i], digests[k]) == 0;
            if (same != (!changes[i].matters && !changes[k].matters))
                fail_msg("%s and %s: %s", changes[k].name, changes[i].name, same ? "same" : "different");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(only_what_matters_changes_it)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
