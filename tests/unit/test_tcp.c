/* What is said of a server that is not ready, for whoever has to find out why. */
#include "own_folder.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "fleet/link/tcp.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define GUARD_MS 60000
#define FILLERS  3

/* A port of this machine, and a link that tries it. */
struct trial {
    struct event_base *base;
    struct link *link;
    int server; /* bound; it listens when a test has it listen */
    int fillers[FILLERS]; /* connections that nobody accepts */
    unsigned port, reached;
};

static void on_reached(void *owner)
{
    ((struct trial *)owner)->reached++;
}

static const struct link_hooks hooks = {.reached = on_reached};

static int open_socket(int flags)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    assert_true(fd >= 0);
    return fd;
}

static struct trial begin(const struct folder *folder, const char *ready_path)
{
    struct trial trial = {.base = event_base_new(), .server = open_socket(0), .fillers = {-1, -1, -1}};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    struct error err;
    assert_int_equal(bind(trial.server, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(trial.server, (struct sockaddr *)&address, &size), 0);
    trial.port = ntohs(address.sin_port);
    cleanup_free char *dir = xasprintf("%s/link", folder->path);
    assert_int_equal(
        tcp_open(trial.base, dir, (uint16_t)trial.port, ready_path, &hooks, NULL, &trial.link, &err), 0);
    return trial;
}

static void end(struct trial *trial)
{
    link_close(trial->link);
    close(trial->server);
    for (unsigned i = 0; i < FILLERS; i++) {
        if (trial->fillers[i] >= 0)
            close(trial->fillers[i]);
    }
    event_base_free(trial->base);
}

static void try_it(struct trial *trial)
{
    struct error err;
    trial->link->owner = trial;
    assert_int_equal(link_reach(trial->link, "127.0.0.1", 0, &err), 0);
}

/* From now on who connects waits for ever. */
static void fill(struct trial *trial)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)trial->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(listen(trial->server, 0), 0);
    for (unsigned i = 0; i < FILLERS; i++) {
        trial->fillers[i] = open_socket(SOCK_NONBLOCK);
        (void)connect(trial->fillers[i], (struct sockaddr *)&address, sizeof(address));
    }
}

/* Goes on until what is said begins so and ends with the port and `rest`. */
static void await(struct trial *trial, const char *begin, const char *rest)
{
    char text[256] = "";
    uint64_t end_ms = clock_ms() + GUARD_MS;
    cleanup_free char *wanted = xasprintf("%s %u%s", begin, trial->port, rest);
    while (strcmp(text, wanted) != 0) {
        if (clock_ms() > end_ms)
            fail_msg("waited in vain for \"%s\", not \"%s\"", wanted, text);
        event_base_loop(trial->base, EVLOOP_ONCE);
        link_describe(trial->link, text, sizeof(text));
    }
    assert_int_equal(trial->reached, 0);
}

static void a_port_that_nobody_listens_on_is_named(void **state)
{
    struct trial trial = begin(*state, NULL);
    try_it(&trial);
    await(&trial, "nothing listens on port", "");
    end(&trial);
}

static void a_port_that_takes_no_connection_is_named(void **state)
{
    char text[256];
    struct trial trial = begin(*state, NULL);
    fill(&trial);
    try_it(&trial);
    cleanup_free char *wanted = xasprintf("port %u takes no connection", trial.port);
    link_describe(trial.link, text, sizeof(text));
    assert_string_equal(text, wanted);
    end(&trial);
}

static void what_was_said_of_an_earlier_attempt_is_not_said_of_one_that_was_not_taken(void **state)
{
    struct trial trial = begin(*state, "/ready");
    try_it(&trial);
    await(&trial, "nothing listens on port", "");
    fill(&trial);
    await(&trial, "port", " takes no connection");
    end(&trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(a_port_that_nobody_listens_on_is_named),
        FOLDER_TEST(a_port_that_takes_no_connection_is_named),
        FOLDER_TEST(what_was_said_of_an_earlier_attempt_is_not_said_of_one_that_was_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
