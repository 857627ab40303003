/* What a plugin's process can reach, tried by one that wants to: tests/peers/bad/hostile.c. */
#include "build_bench.h"

#include "base/alloc.h"
#include "prepare/process/build_job.h"
#include "prepare/process/build_spawn.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOSTILE TEST_PLUGIN_DIR "/hostile.so"

struct jobs_bench {
    struct bench bench;
    struct build_jobs *jobs;
    char *staging, *folder;
    unsigned done;
    struct build_result *result;
    pid_t pid; /* of the test */
};

static void open_jobs(struct jobs_bench *bench, unsigned timeout_ms)
{
    *bench = (struct jobs_bench){.pid = getpid()};
    bench_open(&bench->bench);
    bench->staging = bench_path(&bench->bench, "staging");
    bench->folder = bench_path(&bench->bench, "functions/hello");
    assert_int_equal(fs_make_dirs(bench->staging, 0755, NULL), 0);
    bench_file(&bench->bench, "functions/hello/main.x", "one\n", 0600);
    bench_file(&bench->bench, "secret", "a word\n", 0600);
    const struct build_jobs_options options = {
        .program = BUILD_JOB_PROGRAM, .staging_dir = bench->staging, .timeout_ms = timeout_ms};
    assert_int_equal(build_jobs_create(bench->bench.base, &options, &bench->jobs, NULL), 0);
}

static void close_jobs(struct jobs_bench *bench)
{
    build_jobs_destroy(bench->jobs);
    build_result_destroy(bench->result);
    free(bench->staging);
    free(bench->folder);
    bench_close(&bench->bench);
}

static void on_done(void *context, struct build_result *result)
{
    struct jobs_bench *bench = context;
    build_result_destroy(bench->result);
    bench->result = result;
    bench->done++;
}

static const struct build_result *attack(struct jobs_bench *bench, const char *name)
{
    char pid[16];
    snprintf(pid, sizeof(pid), "%d", bench->pid);
    struct text_pair options[] = {{"attack", (char *)name}, {"path", bench->bench.dir}, {"pid", pid}};
    const struct build_request request = {.operation = BUILD_PACKAGE,
                                          .plugin = HOSTILE,
                                          .function = "hello",
                                          .folder = bench->folder,
                                          .file = "main.x",
                                          .options = options,
                                          .option_count = 3};
    unsigned before = bench->done;
    build_jobs_submit(bench->jobs, &request, on_done, bench);
    bench_wait(&bench->bench, &bench->done, before + 1);
    return bench->result;
}

static void test_reaches_nothing(void **state)
{
    static const char *const names[] = {"folder",  "plugin", "places",  "secrets",   "signals", "trace",
                                        "sockets", "kernel", "survive", "processes", "memory"};
    (void)state;
    struct jobs_bench bench;
    open_jobs(&bench, BENCH_GUARD_MS);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
        if (strcmp(names[i], "memory") == 0)
            continue;
#endif
        const struct build_result *result = attack(&bench, names[i]);
        if (!result->ok)
            fail_msg("%s: %s", names[i], result->error.message);
        assert_true(fs_exists(result->package.staged));
    }
    assert_int_equal(bench_count(bench.folder), 1);
    close_jobs(&bench);
}

static void on_opened(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct jobs_bench *bench = context;
    cleanup_free char *moved = bench_path(&bench->bench, "moved");
    assert_int_equal(rename(bench->folder, moved), 0);
    assert_int_equal(symlink(bench->bench.dir, bench->folder), 0);
}

/* Whoever may change the folder's place puts a link there while the plugin is at work. */
static void test_reads_no_folder_put_in_the_place_of_its_own(void **state)
{
    (void)state;
    struct jobs_bench bench;
    open_jobs(&bench, BENCH_GUARD_MS);
    cleanup_free char *file = bench_path(&bench.bench, "functions/hello/main.x");
    cleanup_close int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    assert_true(inotify_add_watch(fd, file, IN_OPEN) >= 0);
    struct event *opened = event_new(bench.bench.base, fd, EV_READ, on_opened, &bench);
    event_add(opened, NULL);
    const struct build_result *result = attack(&bench, "replaced");
    if (!result->ok)
        fail_msg("%s", result->error.message);
    event_free(opened);
    result = attack(&bench, "replaced");
    assert_false(result->ok);
    assert_string_equal(error_code_slug(result->error.code), "folder-replaced");
    close_jobs(&bench);
}

/* Survivors are named after the process that the job was told of. */
static bool is_survivor(const char *pid)
{
    cleanup_free char *path = xasprintf("/proc/%s/comm", pid);
    cleanup_free char *survivor = xasprintf("surv-%d\n", getpid());
    cleanup_free char *name = NULL;
    return fs_read_file(path, 64, &name, NULL, NULL) == 0 && strcmp(name, survivor) == 0;
}

static size_t survivors(void)
{
    size_t count = 0;
    cleanup_dir DIR *dir = opendir("/proc");
    for (struct dirent *entry; (entry = readdir(dir));)
        count += is_survivor(entry->d_name);
    return count;
}

static void test_nothing_is_left(void **state)
{
    (void)state;
    struct jobs_bench bench;
    open_jobs(&bench, BENCH_GUARD_MS);
    for (int i = 0; i < 5; i++) {
        assert_true(attack(&bench, "survive")->ok);
        assert_int_equal(survivors(), 0);
    }
    close_jobs(&bench);
}

static void test_cannot_say_what_was_written(void **state)
{
    (void)state;
    struct jobs_bench bench;
    open_jobs(&bench, BENCH_GUARD_MS);
    const struct build_result *result = attack(&bench, "words");
    assert_true(result->ok);
    assert_int_equal(result->package.files, 1);
    assert_int_equal(strspn(result->package.digest, "0") < 64, 1);
    close_jobs(&bench);
}

static void test_talks_half_a_word_to_its_writer(void **state)
{
    (void)state;
    struct jobs_bench bench;
    open_jobs(&bench, 1000);
    const struct build_result *result = attack(&bench, "writer");
    assert_false(result->ok);
    assert_string_equal(error_code_slug(result->error.code), "plugin-timeout");
    close_jobs(&bench);
}

static void test_closes_everything(void **state)
{
    (void)state;
    struct jobs_bench bench;
    open_jobs(&bench, BENCH_GUARD_MS);
    const struct build_result *result = attack(&bench, "descriptors");
    assert_false(result->ok);
    assert_int_equal(bench_count(bench.staging), 0);
    close_jobs(&bench);
}

static bool has_children(pid_t pid)
{
    cleanup_free char *path = xasprintf("/proc/%d/task/%d/children", pid, pid), *children = NULL;
    return fs_read_file(path, 4096, &children, NULL, NULL) == 0 && *children;
}

/* Told to end when its plugin has ended and nobody reads what it has to say, it ends. */
static void test_ends_without_a_reader(void **state)
{
    (void)state;
    struct jobs_bench bench;
    open_jobs(&bench, BENCH_GUARD_MS);
    cleanup_free char *output = bench_path(&bench.bench, "staging/output");
    json_t *request = json_pack("{s:s s:s s:s s:s s:s s:s s:{s:s} s:i}", "operation", "package", "plugin",
                                HOSTILE, "function", "hello", "folder", bench.folder, "file", "main.x",
                                "output", output, "options", "attack", "stuff", "parent", (int)bench.pid);
    cleanup_free char *text = json_dumps(request, JSON_COMPACT);
    struct build_spawn job;
    assert_int_equal(build_spawn(BUILD_JOB_PROGRAM, text, &job, NULL), 0);
    struct pollfd reply = {.fd = job.reply, .events = POLLIN}, end = {.fd = job.pidfd, .events = POLLIN};
    assert_int_equal(poll(&reply, 1, BENCH_GUARD_MS), 1);
    while (has_children(job.pid))
        bench_idle(&bench.bench, 5);
    kill(job.pid, SIGTERM);
    int ended = poll(&end, 1, 10000);
    kill(job.pid, SIGKILL);
    assert_int_equal(waitpid(job.pid, NULL, 0), job.pid);
    assert_int_equal(ended, 1);
    close(job.pidfd);
    close(job.output);
    close(job.reply);
    json_decref(request);
    close_jobs(&bench);
}

/* The daemon's death, as far as jobs see it: the process that has started one is killed. */
static void test_dies_with_the_daemon(void **state)
{
    (void)state;
    struct jobs_bench bench;
    open_jobs(&bench, BENCH_GUARD_MS);
    pid_t daemon = fork();
    if (daemon == 0) {
        event_reinit(bench.bench.base);
        attack(&bench, "linger");
        _exit(0);
    }
    while (survivors() == 0)
        assert_int_equal(waitpid(daemon, NULL, WNOHANG), 0);
    kill(daemon, SIGKILL);
    waitpid(daemon, NULL, 0);
    while (survivors() > 0)
        bench_idle(&bench.bench, 5);
    close_jobs(&bench);
}

/* From now on, and for all jobs, this machine does not have the system call `number`. */
static void refuse_call(unsigned number)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = sizeof(filter) / sizeof(*filter), .filter = filter};
    assert_int_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    assert_int_equal(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

/* What the log says while all of `names`, which NULL ends, are tried; each must be refused. The caller frees
 * it. */
static char *attack_all(struct jobs_bench *bench, const char *const *names)
{
    cleanup_free char *path = bench_path(&bench->bench, "log");
    cleanup_close int before = dup(STDERR_FILENO);
    cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    char *log = NULL;
    dup2(fd, STDERR_FILENO);
    for (; *names; names++) {
        const struct build_result *result = attack(bench, *names);
        if (!result->ok)
            fail_msg("%s: %s", *names, result->error.message);
        assert_int_equal(survivors(), 0);
    }
    dup2(before, STDERR_FILENO);
    assert_int_equal(fs_read_file(path, 65536, &log, NULL, NULL), 0);
    return log;
}

static const char *const common_attacks[] = {"folder",  "plugin", "places",  "secrets",   "signals", "trace",
                                             "sockets", "kernel", "survive", "processes", NULL};

static void test_without_namespaces(void **state)
{
    (void)state;
    struct jobs_bench bench;
    open_jobs(&bench, BENCH_GUARD_MS);
    refuse_call(SYS_unshare);
    cleanup_free char *log = attack_all(&bench, common_attacks);
    assert_null(strstr(log, "plugins.not_confined"));
    close_jobs(&bench);
}

/* As somebody who has other processes and no privilege: a process of its own, since there is no way back. */
static void test_usual_user_without_namespaces(void **state)
{
    const uid_t user = 0x6fffffff;
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        struct jobs_bench bench;
        if (geteuid() == 0 && (setresgid(user, user, user) < 0 || setresuid(user, user, user) < 0))
            _exit(2);
        if (access(BUILD_JOB_PROGRAM, X_OK) < 0 || access(HOSTILE, R_OK) < 0)
            _exit(77); /* it is in somebody's home */
        open_jobs(&bench, BENCH_GUARD_MS);
        cleanup_free char *log = attack_all(&bench, common_attacks);
        _exit(strstr(log, "plugins.not_confined") ? 3 : 0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* From now on, and for all jobs, this user owns files and is nobody special: a job stays the same user. */
static void drop_privileges(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {0};
    assert_int_equal(syscall(SYS_capset, &header, none), 0);
}

static void test_owner_of_files_without_namespaces(void **state)
{
    static const char *const names[] = {"folder", "plugin", "places", "secrets", "signals", NULL};
    (void)state;
    struct jobs_bench bench;
    drop_privileges();
    open_jobs(&bench, BENCH_GUARD_MS);
    free(attack_all(&bench, names));
    close_jobs(&bench);
}

static void test_without_namespaces_and_file_rules(void **state)
{
    static const char *const names[] = {"signals", "trace", "sockets", "kernel", "survive", NULL};
    (void)state;
    struct jobs_bench bench;
    open_jobs(&bench, BENCH_GUARD_MS);
    refuse_call(SYS_landlock_create_ruleset);
    cleanup_free char *log = attack_all(&bench, names);
    char *line = strstr(log, "plugins.not_confined");
    assert_non_null(line);
    assert_non_null(strstr(line, "rules on the files it may read (Landlock)"));
    assert_non_null(strstr(line, "process ids of its own (Operation not permitted)"));
    assert_non_null(strstr(line, "a read-only view of the file systems (Operation not permitted)"));
    assert_null(strstr(line + 1, "plugins.not_confined")); /* once, not for each job */
    close_jobs(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reaches_nothing),
        cmocka_unit_test(test_reads_no_folder_put_in_the_place_of_its_own),
        cmocka_unit_test(test_nothing_is_left),
        cmocka_unit_test(test_cannot_say_what_was_written),
        cmocka_unit_test(test_talks_half_a_word_to_its_writer),
        cmocka_unit_test(test_closes_everything),
        cmocka_unit_test(test_ends_without_a_reader),
        cmocka_unit_test(test_dies_with_the_daemon),
        cmocka_unit_test(test_without_namespaces), /* from here on there is no way back */
        cmocka_unit_test(test_usual_user_without_namespaces),
        cmocka_unit_test(test_owner_of_files_without_namespaces),
        cmocka_unit_test(test_without_namespaces_and_file_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
