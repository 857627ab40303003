#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/rfc3339.h"
#include "base/strbuf.h"
#include "cli/client.h"
#include "cli/doctor.h"
#include "cli/members.h"
#include "cli/quantity.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DOCKER_ANSWER_MAX (4u << 20)
#define DOCKER_TIMEOUT_S  10L
#define FUNCTIONS_PORT    8080
#define SKEW_MAX_S        5
#define GIB               (1024.0 * 1024 * 1024)
#define DISK_LEAST        GIB /* with less free the daemon installs no dependencies */
#define DISK_POOR         (5 * GIB)
#define FILES_POOR        4096
#define NEARLY_FULL       0.9
#define CALLS_TIMEOUT_S   60 /* of a check that reads a million calls */

/* --- Docker --- */

static size_t on_bytes(char *bytes, size_t size, size_t count, void *context)
{
    return strbuf_append(context, bytes, size * count) < 0 ? 0 : size * count;
}

json_t *doctor_ask_docker(const char *socket, const char *path)
{
    cleanup_strbuf struct strbuf body;
    cleanup_free char *url = xasprintf("http://docker%s", path);
    CURL *curl = curl_easy_init();
    strbuf_init(&body, DOCKER_ANSWER_MAX);
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, DOCKER_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_cleanup(curl);
    return code == CURLE_OK ? json_loads(strbuf_text(&body), 0, NULL) : NULL;
}

static void look_at_docker(const struct checkup *checkup, struct look *look)
{
    if (checkup->docker) {
        doctor_conclude(look, VERDICT_FINE, "%s, %s", member_text(checkup->docker, "ServerVersion"),
                        member_text(checkup->docker, "OperatingSystem"));
        return;
    }
    doctor_conclude(look, VERDICT_WRONG, "does not answer at %s", checkup->docker_socket);
    if (access(checkup->docker_socket, F_OK) < 0)
        doctor_advise(look,
                      "start it: systemctl start docker; or say where it is: --docker PATH, `docker_socket` "
                      "in the registry");
    else if (access(checkup->docker_socket, R_OK | W_OK) < 0)
        doctor_advise(look, "this user may not use it: be in the group docker, or root");
    else
        doctor_advise(look, "look at its log: journalctl -u docker");
}

static void look_at_storage(const struct checkup *checkup, struct look *look)
{
    const char *driver = member_text(checkup->docker, "Driver");
    bool is_slow = strcmp(driver, "vfs") == 0 || strcmp(driver, "devicemapper") == 0;
    doctor_conclude(look, is_slow ? VERDICT_POOR : VERDICT_FINE, "%s",
                    *driver ? driver : "not known without Docker");
    if (is_slow)
        doctor_advise(look, "every start of a container copies its image with it; use overlay2");
}

static void look_at_cgroups(const struct checkup *checkup, struct look *look)
{
    const char *version = member_text(checkup->docker, "CgroupVersion");
    doctor_conclude(look, VERDICT_FINE, "version %s", *version ? version : "not known without Docker");
    if (checkup->docker && !member_is_true(checkup->docker, "MemoryLimit")) {
        doctor_conclude(look, VERDICT_WRONG, "Docker cannot limit memory here");
        doctor_advise(look, "boot the kernel with cgroup_enable=memory");
    }
}

static bool has_option(const json_t *docker, const char *name)
{
    size_t i, length = strlen(name);
    const json_t *option;
    json_array_foreach(json_object_get(docker, "SecurityOptions"), i, option)
    {
        const char *text = json_string_value(option);
        if (text && strncmp(text, name, length) == 0 && (!text[length] || text[length] == ','))
            return true;
    }
    return false;
}

static void look_at_walls(const struct checkup *checkup, struct look *look)
{
    if (!checkup->docker) {
        doctor_conclude(look, VERDICT_FINE, "not known without Docker");
    } else if (has_option(checkup->docker, "name=rootless")) {
        doctor_conclude(look, VERDICT_WRONG, "the engine runs without root, which Berth cannot use");
        doctor_advise(look, "let `docker_socket` be that of an engine that runs as root");
    } else if (!has_option(checkup->docker, "name=seccomp")) {
        doctor_conclude(look, VERDICT_POOR, "no seccomp: functions may make every system call");
        doctor_advise(look, "boot a kernel with CONFIG_SECCOMP_FILTER");
    } else if (has_option(checkup->docker, "name=userns")) {
        doctor_conclude(look, VERDICT_FINE, "seccomp; users are remapped, functions left out of that");
    } else {
        doctor_conclude(look, VERDICT_FINE, "seccomp");
    }
}

static void look_at_clock(const struct checkup *checkup, struct look *look)
{
    uint64_t theirs_ms;
    if (rfc3339_read(member_text(checkup->docker, "SystemTime"), &theirs_ms) < 0) {
        doctor_conclude(look, VERDICT_FINE, "not compared without Docker");
        return;
    }
    double skew_s = ((double)theirs_ms - (double)wall_clock_ms()) / 1e3;
    bool is_off = skew_s > SKEW_MAX_S || skew_s < -SKEW_MAX_S;
    doctor_conclude(look, is_off ? VERDICT_POOR : VERDICT_FINE, "%s",
                    is_off ? "Docker's differs" : "as Docker's");
    if (is_off)
        doctor_advise(look, "they are %.0f s apart: logs of both will not fit together", skew_s);
}

/* Which there are of them, behind each other; whether the one of this machine is among them. */
static bool list_bases(const json_t *images, struct strbuf *out)
{
    bool has_own = false;
    const json_t *image, *tag;
    size_t i, k;
    json_array_foreach(images, i, image)
    {
        json_array_foreach(json_object_get(image, "RepoTags"), k, tag)
        {
            const char *name = json_string_value(tag);
            strbuf_append_format(out, "%s%s", out->length > 0 ? ", " : "", name);
            has_own = has_own || strcmp(name, "berth-base:" BERTH_BASE_SUITE) == 0;
        }
    }
    return has_own;
}

static void look_at_bases(const struct checkup *checkup, struct look *look)
{
    cleanup_strbuf struct strbuf names;
    strbuf_init(&names, sizeof(look->found) / 2);
    json_t *images =
        checkup->docker
            ? doctor_ask_docker(checkup->docker_socket,
                                "/images/json?filters=%7B%22reference%22%3A%5B%22berth-base%22%5D%7D")
            : NULL;
    if (list_bases(images, &names)) {
        doctor_conclude(look, VERDICT_FINE, "%s", strbuf_text(&names));
    } else {
        doctor_conclude(look, VERDICT_WRONG, "berth-base:" BERTH_BASE_SUITE " is not there%s%s",
                        names.length > 0 ? "; there is " : "", strbuf_text(&names));
        doctor_advise(look, "scripts/base-image makes it (installed: libexec/berth/base-image)");
    }
    json_decref(images);
}

/* What functions can be run with, each once. */
static void look_at_interpreters(const struct checkup *checkup, struct look *look)
{
    cleanup_strbuf struct strbuf found;
    strbuf_init(&found, sizeof(look->found) - 1);
    json_t *images =
        checkup->docker
            ? doctor_ask_docker(checkup->docker_socket,
                                "/images/json?filters=%7B%22label%22%3A%5B%22berth.image%3Druntime%22%5D%7D")
            : NULL;
    const json_t *image;
    size_t i;
    json_array_foreach(images, i, image)
    {
        const json_t *labels = json_object_get(image, "Labels");
        const char *interpreter = member_text(labels, "berth.interpreter");
        cleanup_free char *item = xasprintf("%s on %s", interpreter, member_text(labels, "berth.base"));
        if (*interpreter && !strstr(strbuf_text(&found), item))
            strbuf_append_format(&found, "%s%s", found.length > 0 ? ", " : "", item);
    }
    doctor_conclude(look, VERDICT_FINE, "%s",
                    found.length > 0 ? strbuf_text(&found)
                                     : "none yet: images are built when a function needs them");
    json_decref(images);
}

/* Containers that have ended: a daemon removes its own, at the latest when it starts again. */
static void look_at_leftovers(const struct checkup *checkup, struct look *look)
{
    json_t *list = NULL;
    if (checkup->docker)
        list = doctor_ask_docker(checkup->docker_socket,
                                 "/containers/json?all=1&filters=%7B%22label%22%3A%5B%22berth.host%22%5D%2C"
                                 "%22status%22%3A%5B%22exited%22%2C%22dead%22%5D%7D");
    size_t count = json_array_size(list);
    doctor_conclude(look, count > 0 ? VERDICT_POOR : VERDICT_FINE, "%zu containers that have ended", count);
    if (count > 0)
        doctor_advise(
            look,
            "their daemon removes them when it starts; or: docker container prune --filter label=berth.host");
    json_decref(list);
}

/* --- this machine --- */

static void look_at_io_uring(const struct checkup *checkup, struct look *look)
{
    (void)checkup;
    struct io_uring_params parameters = {0};
    int fd = (int)syscall(SYS_io_uring_setup, 4, &parameters);
    if (fd >= 0) {
        close(fd);
        doctor_conclude(look, VERDICT_FINE, "may be used");
        return;
    }
    doctor_conclude(look, VERDICT_POOR, "may not be used: %s", strerror(errno));
    doctor_advise(
        look, "requests cost more of a processor; the sysctl kernel.io_uring_disabled or seccomp forbids it");
}

/* The nearest folder on the way to `path` that is there. The caller frees it. */
static char *existing_part(const char *path)
{
    char *part = xstrdup(path);
    while (access(part, F_OK) < 0) {
        char *slash = strrchr(part, '/');
        if (!slash || slash == part)
            break;
        *slash = '\0';
    }
    return part;
}

static void look_at_folder(const char *path, struct look *look)
{
    cleanup_free char *there = existing_part(path);
    if (access(there, W_OK | X_OK) == 0) {
        doctor_conclude(look, VERDICT_FINE, "%s%s", path, strcmp(there, path) == 0 ? "" : ", to be made");
        return;
    }
    doctor_conclude(look, VERDICT_WRONG, "%s: %s", there, strerror(errno));
    doctor_advise(look, "run it as the user whose it is, or set another folder: --state, --run-dir");
}

static void look_at_state(const struct checkup *checkup, struct look *look)
{
    look_at_folder(checkup->state_dir, look);
}

static void look_at_run(const struct checkup *checkup, struct look *look)
{
    look_at_folder(checkup->run_dir, look);
}

static void look_at_disk(const struct checkup *checkup, struct look *look)
{
    cleanup_free char *there = existing_part(checkup->state_dir);
    struct statvfs disk;
    if (statvfs(there, &disk) < 0) {
        doctor_conclude(look, VERDICT_WRONG, "%s: %s", there, strerror(errno));
        return;
    }
    double free_bytes = (double)disk.f_bavail * (double)disk.f_frsize;
    double whole_bytes = (double)disk.f_blocks * (double)disk.f_frsize;
    bool is_full = free_bytes < DISK_LEAST || free_bytes < whole_bytes / 20;
    enum verdict poor = free_bytes < DISK_POOR ? VERDICT_POOR : VERDICT_FINE;
    doctor_conclude(look, is_full ? VERDICT_WRONG : poor, "%.1f GiB free at %s", free_bytes / GIB, there);
    if (is_full)
        doctor_advise(look,
                      "dependencies are not installed with less than 1 GiB or a twentieth of the disk free");
}

static bool is_free(unsigned port, struct look *look)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_ANY)};
    cleanup_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) == 0 &&
        bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return true;
    doctor_conclude(look, VERDICT_WRONG, "%u: %s", port, strerror(errno));
    doctor_advise(look, "ss -ltnp 'sport = :%u' shows whose it is; --listen and --admin take others", port);
    return false;
}

static void look_at_ports(const struct checkup *checkup, struct look *look)
{
    if (checkup->daemon_answers)
        doctor_conclude(look, VERDICT_FINE, "the daemon has them");
    else if (is_free(FUNCTIONS_PORT, look) && is_free(FUNCTIONS_PORT + 1, look))
        doctor_conclude(look, VERDICT_FINE, "%d and %d are free", FUNCTIONS_PORT, FUNCTIONS_PORT + 1);
}

static void look_at_files(const struct checkup *checkup, struct look *look)
{
    (void)checkup;
    struct rlimit limit = {0};
    getrlimit(RLIMIT_NOFILE, &limit);
    bool is_low = limit.rlim_max < FILES_POOR;
    doctor_conclude(look, is_low ? VERDICT_POOR : VERDICT_FINE, "a process may open %llu",
                    (unsigned long long)limit.rlim_max);
    if (is_low)
        doctor_advise(look,
                      "each client's connection is one; raise it: LimitNOFILE= in the unit, ulimit -Hn");
}

static void look_at_daemon(const struct checkup *checkup, struct look *look)
{
    doctor_conclude(look, VERDICT_FINE, "%s", checkup->daemon_answers ? "answers" : "none answers");
    if (!checkup->daemon_answers)
        doctor_advise(look, "berth up starts one for this folder");
}

static bool is_nearly(const json_t *found, const char *used, const char *limit)
{
    return (double)member_number(found, used) > NEARLY_FULL * (double)member_number(found, limit);
}

/* What the daemon finds in the store of async calls. */
static void judge_calls(const json_t *found, struct look *look)
{
    char used[32], limit[32];
    const json_t *problem = json_array_get(json_object_get(found, "problems"), 0);
    if (problem) {
        doctor_conclude(look, VERDICT_WRONG, "the store is damaged: %s", json_string_value(problem));
        doctor_advise(look,
                      "start the daemon anew: it saves what can be read, and its log says what that is");
        return;
    }
    bool is_poor = is_nearly(found, "bytes", "bytes_max") || is_nearly(found, "waiting", "waiting_max");
    quantity_measured((unsigned long long)member_number(found, "bytes"), used, sizeof(used));
    quantity_measured((unsigned long long)member_number(found, "bytes_max"), limit, sizeof(limit));
    doctor_conclude(look, is_poor ? VERDICT_POOR : VERDICT_FINE,
                    "the store is whole: %s of %s, %lld of %lld calls wait", used, limit,
                    member_number(found, "waiting"), member_number(found, "waiting_max"));
    if (is_poor)
        doctor_advise(look,
                      "above a limit new ones are refused: calls_max, calls_disk; berth calls shows them");
}

/* The daemon's own words for it. */
static void repeat_refusal(const json_t *answer, struct look *look)
{
    const json_t *error = json_object_get(answer, "error");
    const char *message = json_string_value(json_object_get(error, "message"));
    const char *hint = json_string_value(json_object_get(error, "hint"));
    doctor_conclude(look, VERDICT_WRONG, "%s",
                    message ? message : "the daemon did not say how its store of them is");
    doctor_advise(look, "%s",
                  hint ? hint : "its log may say more: berth events --all shows it from the beginning");
}

/* Whether functions can reach more than they should. */
static void look_at_reach(const struct checkup *checkup, struct look *look)
{
    json_t *info = NULL;
    if (!checkup->daemon_answers ||
        client_poll(checkup->arguments, "/system/info", &info) != CLIENT_POLL_ANSWERED) {
        doctor_conclude(look, VERDICT_FINE, "not looked at without a daemon");
        json_decref(info);
        return;
    }
    const json_t *reach = json_object_get(json_object_get(info, "berth"), "reach");
    if (member_is_true(reach, "holds")) {
        doctor_conclude(look, VERDICT_FINE, "functions are kept from this host; the rules are made by %s",
                        strcmp(member_text(reach, "by"), "itself") == 0 ? "the daemon"
                                                                        : member_text(reach, "by"));
    } else {
        doctor_conclude(look, VERDICT_WRONG, "functions can reach this host's ports: %s",
                        member_text(reach, "problem"));
        doctor_advise(look, "%s", member_text(reach, "hint"));
    }
    json_decref(info);
}

static void look_at_calls(const struct checkup *checkup, struct look *look)
{
    json_t *found = NULL;
    if (!checkup->daemon_answers)
        doctor_conclude(look, VERDICT_FINE, "not looked at without a daemon");
    else if (client_poll_for(checkup->arguments, "/berth/calls/check", CALLS_TIMEOUT_S, &found) ==
             CLIENT_POLL_ANSWERED)
        judge_calls(found, look);
    else
        repeat_refusal(found, look);
    json_decref(found);
}

const struct doctor_row doctor_rows[] = {
    {"docker", look_at_docker},
    {"storage", look_at_storage},
    {"cgroups", look_at_cgroups},
    {"walls", look_at_walls},
    {"clock", look_at_clock},
    {"base images", look_at_bases},
    {"interpreters", look_at_interpreters},
    {"leftovers", look_at_leftovers},
    {"io_uring", look_at_io_uring},
    {"state folder", look_at_state},
    {"run folder", look_at_run},
    {"disk", look_at_disk},
    {"ports", look_at_ports},
    {"open files", look_at_files},
    {"daemon", look_at_daemon},
    {"async calls", look_at_calls},
    {"reach", look_at_reach},
    {"old rules", doctor_look_at_tables},
};

const size_t doctor_row_count = sizeof(doctor_rows) / sizeof(doctor_rows[0]);
