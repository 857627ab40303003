/*
 * What happens when there is no memory, one allocation after the other: each run of a scenario is a process
 * of its own in which one allocation fails, or all from there on. It has to end as base/alloc.h says: by
 * itself, having said what it could not do, or by a message and SIGABRT; without a fault, a leak or a wait.
 */
#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "config/cron.h"
#include "config/registry.h"
#include "docker/docker.h"
#include "docker/json_lines.h"
#include "gateway/buffer.h"
#include "http/body.h"
#include "http/head.h"
#include "prepare/store/folder_archive.h"
#include "prepare/store/record_store.h"
#include "registry_languages.h"
#include "store/call_list.h"
#include "store/call_store.h"
#include "store/log_reader.h"
#include "store/log_writer.h"
#include "store/record_file.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define HANGS_S 60
/* Each of the first allocations fails in a run of its own; of those behind them, every STRIDE-th. A search
 * for leaks takes long.
 */
#if defined(__SANITIZE_ADDRESS__)
#define ALL_FIRST 30
#define STRIDE    29
#else
#define ALL_FIRST 120
#define STRIDE    7
#endif
#define SAID_MAX 65536

/* --- memory that is out --- */

#if defined(__SANITIZE_ADDRESS__)
#define REAL(name) __interceptor_##name
#else
#define REAL(name) __libc_##name
#endif

void *REAL(malloc)(size_t size);
void *REAL(calloc)(size_t count, size_t size);
void *REAL(realloc)(void *old, size_t size);

/* Of the process that has a scenario: how many allocations there are still to be had; -1: as many as are
 * wanted. */
static long left = -1;
static bool goes_on; /* none after the first that failed */
static unsigned failures;

static bool fails(void)
{
    if (left < 0)
        return false;
    if (left > 0) {
        left--;
        return false;
    }
    if (!goes_on)
        left = -1;
    failures++;
    errno = ENOMEM;
    return true;
}

/* In the place of those of the C library, for every library. Their headers name parameters as nobody else
 * may. */
/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */
__attribute__((visibility("default"))) void *malloc(size_t size)
{
    return fails() ? NULL : REAL(malloc)(size);
}

__attribute__((visibility("default"))) void *calloc(size_t count, size_t size)
{
    return fails() ? NULL : REAL(calloc)(count, size);
}

__attribute__((visibility("default"))) void *realloc(void *old, size_t size)
{
    return fails() ? NULL : REAL(realloc)(old, size);
}

__attribute__((visibility("default"))) void *reallocarray(void *old, size_t count, size_t size)
{
    size_t bytes;
    return __builtin_mul_overflow(count, size, &bytes) || fails() ? NULL : REAL(realloc)(old, bytes);
}

__attribute__((visibility("default"))) char *strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    return copy ? memcpy(copy, text, size) : NULL;
}

__attribute__((visibility("default"))) char *strndup(const char *text, size_t length)
{
    size_t size = strnlen(text, length);
    char *copy = malloc(size + 1);
    if (!copy)
        return NULL;
    memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */

/* --- what is tried --- */

static char dir[] = "/tmp/berth-memory-XXXXXX"; /* a new one for each run */

static char *path_of(const char *name)
{
    return xasprintf("%s/%s", dir, name);
}

static void read_heads(void)
{
    static const char text[] = "POST /function?a=b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    static const char chunks[] = "5;x=y\r\nhello\r\n0\r\nTrailer: value\r\nOther: value\r\n\r\n";
    struct http_header headers[16];
    struct http_head head;
    struct http_head_parser parser;
    struct http_body body;
    const struct http_limits limits = {.head_bytes = 4096, .target_bytes = 4096};
    http_head_parser_init_request(&parser, &head, headers, 16, &limits);
    if (http_head_parse(&parser, text, strlen(text)) != HTTP_PARSE_DONE)
        return;
    http_body_init_head(&body, &head, HTTP_BODY_UNLIMITED);
    for (size_t at = 0; at < strlen(chunks);) {
        struct http_text data;
        size_t consumed = 0;
        enum http_body_step step = http_body_scan(&body, chunks + at, strlen(chunks) - at, &data, &consumed);
        at += consumed;
        if (step != HTTP_BODY_DATA)
            break;
    }
    http_body_clear(&body);
}

static void read_registry(void)
{
    static const char text[] =
        "host: {prewarm: 1, roots: [/tmp]}\nusable-functions:\n"
        "  a: {configuration: {language: shell, memory: 64Mi, environment: {A: b}, labels: {x: y}}}\n"
        "  b:\n    configuration:\n      language: python\n      schedule: {cron: '0 3 * * *',"
        " time_zone: Europe/Berlin}\n      volumes: {data: /data}\n      wrong: 1\n"
        "  c: &x [1, *x]\n";
    cleanup_strbuf struct strbuf out;
    struct registry *registry = registry_parse("/nonexistent/registry.yml", text, strlen(text), languages, 2);
    strbuf_init(&out, 1 << 20);
    for (size_t i = 0; i < registry->diagnostics.count; i++) {
        struct diagnostic again;
        json_t *json = diagnostic_to_json(&registry->diagnostics.items[i]);
        diagnostic_render(&registry->diagnostics.items[i], &out);
        if (diagnostic_from_json(json, &again) == 0)
            diagnostic_clear(&again);
        json_decref(json);
    }
    registry_destroy(registry);
}

static void read_cron(void)
{
    struct cron cron;
    struct cron_problem problem;
    uint64_t next;
    struct time_zone *zone = time_zone_open("Europe/Berlin");
    if (zone && cron_parse("0 3 * * mon", &cron, &problem) == 0)
        cron_next(&cron, zone, 1792886000000ull, &next);
    time_zone_close(zone);
}

static int take_object(void *owner, const json_t *object, struct error *err)
{
    (void)owner, (void)object, (void)err;
    return 0;
}

static void read_json(void)
{
    static const char text[] =
        "{\"a\": [1, 2.5, true, null, {\"b\": \"text \\u00e4\"}]}\n{\"c\": \"d\"}\n{\"broken\": \n";
    struct json_lines lines;
    struct error err;
    json_lines_init(&lines, take_object, NULL);
    if (json_lines_feed(&lines, text, strlen(text), &err) == 0)
        json_lines_end(&lines, &err);
    json_lines_clear(&lines);
    json_t *told = json_error(&err), *kept = json_pack("{s:o, s:[i, i]}", "error", told, "list", 1, 2);
    char *dumped = json_dumps(kept, JSON_COMPACT);
    free(dumped);
    json_decref(kept);
}

static void read_records(void)
{
    static const char text[] = "0000\n{\"version\": 1}";
    struct record record;
    struct error err;
    if (record_parse(text, strlen(text), &record, &err) == 0)
        record_clear(&record);
}

static bool see(const void *bytes, size_t size, void *context)
{
    (void)bytes, (void)size, (void)context;
    return true;
}

static void keep_records(void)
{
    cleanup_free char *path = path_of("records");
    struct record_file *file;
    struct error err;
    for (unsigned round = 0; round < 2; round++) {
        if (record_file_open(path, RECORD_FILE_MIN, &file, &err) < 0)
            return;
        for (int i = 0; i < 20; i++)
            record_file_add(file, "key", "some bytes", 10);
        record_file_find(file, "key", see, NULL);
        record_file_visit(file, see, NULL);
        record_file_close(file);
    }
}

static void keep_lines(void)
{
    static char form[LOG_LINE_MAX];
    const struct log_line line = {.time_ns = 1, .text = {"text", 4}};
    struct log_line read;
    const char *function;
    struct log_writer *writer = log_writer_create(dir, 1 << 20);
    log_writer_add(writer, "function", form, log_line_write(&line, form));
    log_writer_flush(writer);
    log_writer_destroy(writer);
    struct log_reader *reader = log_reader_open(dir, NULL, 0);
    while (log_reader_next(reader, &read, &function))
        ;
    log_reader_close(reader);
}

static int use_store(struct call_store *store, struct error *err)
{
    struct call_page page;
    int64_t number;
    const struct call_filter filter = {.state = -1, .limit = 10};
    const struct call_new call = {.id = "0123456789abcdef0123456789abcdef",
                                  .function = "f",
                                  .method = "POST",
                                  .target = "/",
                                  .head = "A: b\r\n",
                                  .body = {.bytes = "body", .size = 4},
                                  .key = "key",
                                  .fingerprint = "print",
                                  .accepted_ms = 1,
                                  .due_ms = 1};
    struct call_record record = {0};
    if (call_store_put(store, &call, &number, err) < 0 || call_page_read(store, &filter, &page, err) < 0)
        return -1;
    call_page_clear(&page);
    if (call_store_next(store, "f", 2, 1000, &record, err) > 0)
        call_record_clear(&record);
    return 0;
}

static void keep_calls(void)
{
    cleanup_free char *path = path_of("calls");
    struct call_store *store;
    struct error err;
    unsigned repeated;
    if (call_store_open(path, 1, &store, &repeated, &err) < 0)
        return;
    if (call_store_begin(store, &err) == 0) {
        if (use_store(store, &err) < 0)
            call_store_roll_back(store);
        else
            call_store_commit(store, true, &err);
    }
    call_store_close(store);
}

static void unpack_archive(void)
{
    cleanup_free char *folder = path_of("folder"), *path = path_of("archive");
    const struct folder_archive_limits limits = {.bytes = 1 << 16, .entries = 64};
    struct error err;
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && fs_make_dirs(folder, 0700, &err) == 0)
        folder_archive_unpack(fd, folder, &limits, &err);
}

/* Buffers of clients: one that cannot be had is NULL. */
static void use_pools(void)
{
    struct buffer *held[8] = {NULL};
    struct buffer_pool pool;
    cleanup_strbuf struct strbuf text;
    strbuf_init(&text, 1 << 20);
    buffer_pool_init(&pool, 4096, 4);
    for (int i = 0; i < 8; i++) {
        held[i] = buffer_take(&pool);
        strbuf_append_format(&text, "%d has %zu", i, held[i] ? buffer_room(held[i]) : 0);
    }
    if (strlen(strbuf_text(&text)) != text.length)
        abort();
    for (int i = 0; i < 8; i++)
        buffer_give(&pool, &held[i]);
    free(buffer_make(100000));
    buffer_pool_clear(&pool);
}

static void on_done(void *owner, const struct error *err)
{
    (void)err;
    event_base_loopbreak(owner);
}

/* There is none: the way there and back is that of any call. */
static void ask_engine(void)
{
    struct event_base *base = event_base_new();
    struct docker *docker;
    struct error err;
    if (!base)
        return;
    if (docker_create(base, "/nonexistent/docker.sock", &docker, &err) == 0) {
        docker_ping(docker, on_done, base);
        event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
        docker_destroy(docker);
    }
    event_base_free(base);
}

static const struct scenario {
    const char *name;
    void (*run)(void);
    bool is_once; /* GLib wants memory to say that there is none: without any it ends by its stack's end */
    bool is_again; /* OpenSSL of 3.5 waits for itself for ever when what it sets up once has no memory */
} scenarios[] = {
    {"heads and trailers", read_heads},
    {"the registry", read_registry},
    {"an expression of cron", read_cron, .is_once = true},
    {"JSON", read_json},
    {"a record", read_records},
    {"a file of records", keep_records},
    {"lines", keep_lines},
    {"the store of calls", keep_calls},
    {"an archive", unpack_archive},
    {"pools", use_pools},
    {"the engine", ask_engine, .is_again = true},
};

/* --- running it --- */

#if defined(__SANITIZE_ADDRESS__)
int __lsan_do_recoverable_leak_check(void);
const char *__asan_default_options(void);
const char *__lsan_default_suppressions(void);

/* It is asked for where a scenario has come to its end: who ends before has not given back what it had. */
__attribute__((visibility("default"))) const char *__asan_default_options(void)
{
    return "leak_check_at_exit=0";
}

/* What libcurl's TLS sets up once, and gives up halfway. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void)
{
    return "leak:libcrypto";
}
#else
static int __lsan_do_recoverable_leak_check(void)
{
    return 0;
}
#endif

enum end { ALL_DONE = 10, NONE_FAILED, LEAKED };

static _Noreturn void play(const struct scenario *scenario, long allowed, bool all_fail, int output)
{
    static const int faults[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};
    dup2(output, STDERR_FILENO);
    dup2(output, STDOUT_FILENO);
    for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
        signal(faults[i], SIG_DFL); /* which cmocka would report as its own */
    alarm(HANGS_S);
    alloc_guard_libraries();
    if (scenario->is_again)
        scenario->run();
    goes_on = all_fail;
    left = allowed;
    scenario->run();
    left = -1;
    _exit(failures == 0 ? NONE_FAILED : __lsan_do_recoverable_leak_check() ? LEAKED : ALL_DONE);
}

static void make_folder(void)
{
    snprintf(dir, sizeof(dir), "/tmp/berth-memory-XXXXXX");
    assert_non_null(mkdtemp(dir));
    cleanup_free char *path = path_of("archive");
    struct archive *archive = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    archive_write_set_format_pax_restricted(archive);
    archive_write_add_filter_gzip(archive);
    assert_int_equal(archive_write_open_filename(archive, path), ARCHIVE_OK);
    archive_entry_set_pathname(entry, "folder/file");
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, 5);
    assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
    assert_int_equal(archive_write_data(archive, "hello", 5), 5);
    archive_entry_free(entry);
    archive_write_free(archive);
}

/* What it has printed, up to its end. */
static void listen_to(int fd, char said[SAID_MAX])
{
    size_t size = 0;
    ssize_t got;
    while (size < SAID_MAX - 1 && (got = read(fd, said + size, SAID_MAX - 1 - size)) > 0)
        size += (size_t)got;
    said[size] = '\0';
}

static int run_once(const struct scenario *scenario, long allowed, bool all_fail, char said[SAID_MAX])
{
    int fds[2], status;
    make_folder();
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0)
        play(scenario, allowed, all_fail, fds[1]);
    close(fds[1]);
    listen_to(fds[0], said);
    close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    fs_remove_tree(dir, NULL);
    return status;
}

/* GLib and libarchive end by themselves what has no memory, the latter with status 1. */
static bool has_said_why(const char *said)
{
    return strcasestr(said, "memory") || strstr(said, "failed to allocate");
}

/* False: there are no more allocations that could fail. */
static bool check(const struct scenario *scenario, long allowed, bool all_fail)
{
    static char said[SAID_MAX];
    int status = run_once(scenario, allowed, all_fail, said);
    bool is_end = WIFEXITED(status) && WEXITSTATUS(status) == ALL_DONE;
    bool is_abort = WIFSIGNALED(status) ? WTERMSIG(status) == SIGABRT || WTERMSIG(status) == SIGTRAP
                                        : WEXITSTATUS(status) == 1;
    if (WIFEXITED(status) && WEXITSTATUS(status) == NONE_FAILED)
        return false;
    if (!is_end && !(is_abort && has_said_why(said)))
        fail_msg("%s (%zu), without allocation %ld%s: %s %d\n%s", scenario->name,
                 (size_t)(scenario - scenarios), allowed, all_fail ? " and further ones" : "",
                 WIFSIGNALED(status) ? "signal" : "status",
                 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), said);
    return true;
}

static void every_allocation_may_fail(void **state)
{
    const struct scenario *scenario = *state;
    for (int all_fail = 0; all_fail < (scenario->is_once ? 1 : 2); all_fail++) {
        for (long allowed = 0; check(scenario, allowed, all_fail);
             allowed += allowed < ALL_FIRST ? 1 : STRIDE)
            ;
    }
}

/* NUMBER ALLOWED [all]: a run by itself, under a debugger say. */
static _Noreturn void play_one(char **words)
{
    make_folder();
    play(&scenarios[strtoul(words[0], NULL, 10)], strtol(words[1], NULL, 10), words[2], STDERR_FILENO);
}

int main(int argc, char **argv)
{
    if (argc > 2)
        play_one(argv + 1);
    struct CMUnitTest tests[sizeof(scenarios) / sizeof(*scenarios)];
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(*scenarios); i++)
        tests[i] = (struct CMUnitTest){.name = scenarios[i].name,
                                       .test_func = every_allocation_may_fail,
                                       .initial_state = (void *)&scenarios[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
