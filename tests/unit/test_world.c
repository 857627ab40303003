/* What every container has of this host: its files, and how the first process starts, watches and ends. */
#include "fleet/engine/world.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "fleet/engine/init/exit_status.h"

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char *world;

static int make(void **state)
{
    (void)state;
    static char dir[] = "/tmp/berth-world-XXXXXX";
    struct error err;
    mode_t before = umask(077);
    int rc = mkdtemp(dir) ? world_make(dir, &world, &err) : -1;
    umask(before);
    *state = dir;
    return rc;
}

static int remove_all(void **state)
{
    free(world);
    return fs_remove_tree(*state, NULL);
}

static char *path_of(const char *name)
{
    return xasprintf("%s/%s", world, name);
}

static void files_can_be_read_whatever_the_umask(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        mode_t mode;
        const char *text;
    } files[] = {{"init", 0755, "\177ELF"},
                 {"passwd", 0644, "\nberth:x:10001:10001::/home/berth:/bin/sh\n"},
                 {"group", 0644, "\nberth:x:10001:\n"}};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        cleanup_free char *path = path_of(files[i].name), *text = NULL;
        struct stat status;
        struct error err;
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 0777, files[i].mode);
        assert_int_equal(fs_read_file(path, 4 << 20, &text, NULL, &err), 0);
        assert_non_null(strstr(text, files[i].text));
    }
}

static void make_output(void)
{
    cleanup_free char *to = path_of("output");
    unlink(to);
    assert_int_equal(mkfifo(to, 0600), 0);
}

static int open_output(void)
{
    cleanup_free char *to = path_of("output");
    int output = open(to, O_RDWR | O_CLOEXEC); /* as the daemon does, so that it never ends */
    assert_true(output >= 0);
    return output;
}

/* Starts init with a command of the shell, as the parent of whatever that leaves behind. */
static pid_t start_init(const char *program, const char *script)
{
    cleanup_free char *path = path_of("init");
    cleanup_free char *to = path_of("output");
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        execl(path, "init", to, to, program, "-c", script, (char *)NULL);
        _exit(99);
    }
    return pid;
}

static pid_t start(const char *program, const char *script, int *ret_output)
{
    make_output();
    *ret_output = open_output();
    return start_init(program, script);
}

/* With variables that only the file has, and with one that the environment has too. */
static pid_t start_with_environment(const char *path, const char *script)
{
    cleanup_free char *init = path_of("init");
    cleanup_free char *to = path_of("output");
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        setenv("SECOND", "of the engine", 1);
        execl(init, "init", "--environment", path, to, to, "/bin/sh", "-c", script, (char *)NULL);
        _exit(99);
    }
    return pid;
}

/* Outside of a container the kernel's count of kills for memory is the machine's. */
static int end_of(pid_t pid)
{
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    return code == INIT_OUT_OF_MEMORY ? INIT_RUNNER_KILLED : code;
}

static void status_says_how_the_runner_ended(void **state)
{
    (void)state;
    static const struct {
        const char *program, *script;
        int status;
    } ends[] = {
        {"/bin/sh", "exit 0", 0},
        {"/bin/sh", "exit 3", 3},
        {"sh", "exit 3", 3}, /* looked up in PATH */
        {"/bin/sh", "kill -SEGV $$", 128 + SIGSEGV},
        {"/bin/sh", "kill -TERM $$", 128 + SIGTERM},
        {"/bin/sh", "kill -KILL $$", INIT_RUNNER_KILLED},
        {"/bin/sh", "exit 137", INIT_RUNNER_KILLED}, /* a shell's word for the same */
        {"/nowhere", "", INIT_NOT_FOUND},
        {"/etc", "", INIT_CANNOT_RUN},
    };
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        int output;
        assert_int_equal(end_of(start(ends[i].program, ends[i].script, &output)), ends[i].status);
        close(output);
    }
}

static void runner_finds_the_variables_of_the_file(void **state)
{
    (void)state;
    static const char entries[] = "FIRST=one\ntwo=2\0no variable\0SECOND=of the file\0EMPTY=\0LAST=no end";
    cleanup_free char *path = path_of("environment"), *nowhere = path_of("nowhere");
    struct error err;
    assert_int_equal(fs_write_file(path, entries, sizeof(entries) - 1, 0600, &err), 0);
    make_output();
    int output = open_output();
    assert_int_equal(end_of(start_with_environment(path, "[ \"$FIRST\" = \"one\ntwo=2\" ] && "
                                                         "[ \"$SECOND\" = \"of the file\" ] && "
                                                         "[ \"${EMPTY-unset}\" = \"\" ] && "
                                                         "[ \"$LAST\" = \"no end\" ]")),
                     0);
    assert_int_equal(end_of(start_with_environment(nowhere, "exit 0")), INIT_CANNOT_RUN);
    close(output);
}

static char read_byte(int fd)
{
    char byte = 0;
    assert_int_equal(read(fd, &byte, 1), 1);
    return byte;
}

static void signals_reach_the_runner(void **state)
{
    (void)state;
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        int output;
        pid_t pid = start("/bin/sh", "trap 'exit 7' TERM INT HUP USR1; echo r; while :; do sleep 0.01; done",
                          &output);
        assert_int_equal(read_byte(output), 'r');
        assert_int_equal(kill(pid, signals[i]), 0);
        assert_int_equal(end_of(pid), 7);
        close(output);
    }
}

static bool is_init_asleep(pid_t pid)
{
    cleanup_free char *path = xasprintf("/proc/%d/stat", (int)pid), *text = NULL;
    struct error err;
    assert_int_equal(fs_read_file(path, 4096, &text, NULL, &err), 0);
    return strstr(text, "(init) S") != NULL;
}

/* It sleeps until somebody opens the output's other end. */
static void signal_before_the_runner_is_there_is_not_lost(void **state)
{
    (void)state;
    make_output();
    pid_t pid = start_init("/bin/sh", "while :; do sleep 0.01; done");
    while (!is_init_asleep(pid))
        sched_yield();
    assert_int_equal(kill(pid, SIGTERM), 0);
    int output = open_output();
    assert_int_equal(end_of(pid), 128 + SIGTERM);
    close(output);
}

/* A hundred orphans come and go, and none is left to be reaped; the runner says when it has seen that. */
static void orphans_are_reaped(void **state)
{
    (void)state;
    int output;
    pid_t pid = start("/bin/sh",
                      "i=0; while [ $i -lt 100 ]; do (sleep 0 & ) ; i=$((i+1)); done\n"
                      "while grep -qs '^State:.Z' $(sed 's,[0-9]*,/proc/&/status,g' "
                      "/proc/$PPID/task/$PPID/children); do sleep 0.01; done; echo r",
                      &output);
    assert_int_equal(read_byte(output), 'r');
    assert_int_equal(end_of(pid), 0);
    close(output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_can_be_read_whatever_the_umask),
        cmocka_unit_test(status_says_how_the_runner_ended),
        cmocka_unit_test(runner_finds_the_variables_of_the_file),
        cmocka_unit_test(signals_reach_the_runner),
        cmocka_unit_test(signal_before_the_runner_is_there_is_not_lost),
        cmocka_unit_test(orphans_are_reaped),
    };
    return cmocka_run_group_tests(tests, make, remove_all);
}
