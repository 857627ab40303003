/* What the Docker client takes apart and puts together, without any engine: log frames, lines of JSON, API
 * versions, container descriptions, build contexts. */
#include "base/alloc.h"
#include "base/fs.h"
#include "base/strbuf.h"
#include "docker/client.h"
#include "docker/container_body.h"
#include "docker/context_tar.h"
#include "docker/json_lines.h"
#include "docker/log_frames.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* Lines as text: "o:hello\n" for stdout, "e:" for stderr, "+" for a line that continues. */
static void note_line(void *owner, const struct docker_line *line)
{
    struct strbuf *seen = owner;
    assert_int_equal(line->text[line->length], 0);
    strbuf_append_format(seen, "%c%s", line->stream == DOCKER_STDOUT ? 'o' : 'e',
                         line->continues ? "+" : ":");
    strbuf_append(seen, line->text, line->length);
    strbuf_append_text(seen, "\n");
}

static void add_frame(struct strbuf *bytes, unsigned char stream, const char *payload, size_t size)
{
    unsigned char head[8] = {stream,
                             0,
                             0,
                             0,
                             (unsigned char)(size >> 24),
                             (unsigned char)(size >> 16),
                             (unsigned char)(size >> 8),
                             (unsigned char)size};
    strbuf_append(bytes, head, sizeof(head));
    strbuf_append(bytes, payload, size);
}

/* Feeds in pieces of `piece` bytes. */
static int feed_log(const struct strbuf *bytes, size_t piece, struct strbuf *seen, struct error *err)
{
    struct log_frames frames;
    log_frames_init(&frames, note_line, seen);
    int result = 0;
    for (size_t at = 0; at < bytes->length && result == 0; at += piece) {
        size_t left = bytes->length - at;
        result = log_frames_feed(&frames, bytes->data + at, left < piece ? left : piece, err);
    }
    if (result == 0)
        result = log_frames_end(&frames, err);
    log_frames_clear(&frames);
    return result;
}

static void log_lines_come_out_however_cut(void **state)
{
    (void)state;
    cleanup_strbuf struct strbuf bytes;
    strbuf_init(&bytes, 4096);
    add_frame(&bytes, 1, "one\ntwo", 7);
    add_frame(&bytes, 2, "bad\n", 4);
    add_frame(&bytes, 1, "", 0);
    add_frame(&bytes, 1, "fold\n\nrest", 10);
    for (size_t piece = 1; piece <= bytes.length; piece++) {
        cleanup_strbuf struct strbuf seen;
        strbuf_init(&seen, 4096);
        struct error err;
        assert_int_equal(feed_log(&bytes, piece, &seen, &err), 0);
        assert_string_equal(strbuf_text(&seen), "o:one\ne:bad\no:twofold\no:\no:rest\n");
    }
}

static void log_lines_are_bounded(void **state)
{
    (void)state;
    cleanup_strbuf struct strbuf bytes, seen;
    strbuf_init(&bytes, 1 << 20);
    strbuf_init(&seen, 1 << 20);
    size_t size = 2 * DOCKER_LINE_MAX + 1;
    char *text = xmalloc(size);
    memset(text, 'x', size);
    text[size - 1] = '\n';
    add_frame(&bytes, 1, text, size);
    struct error err;
    assert_int_equal(feed_log(&bytes, 1000, &seen, &err), 0);
    assert_int_equal(seen.length, 2 * (DOCKER_LINE_MAX + 3));
    assert_memory_equal(seen.data, "o+x", 3);
    assert_memory_equal(seen.data + DOCKER_LINE_MAX + 3, "o:x", 3);
    free(text);
}

static void damaged_logs_are_errors(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *reason;
    } cases[] = {
        {"HTTP/1.1", 8, "docker-answer"},
        {"\1\0\0\1\0\0\0\0", 8, "docker-answer"},
        {"\0\0\0\0\0\0\0\1x", 9, "docker-answer"},
        {"\1\0\0\0\0\0\0\5hi", 10, "docker-answer"}, /* cut in the payload */
        {"\1\0\0", 3, "docker-answer"}, /* cut in the head */
        {"\3\0\0\0\0\0\0\4oops", 12, "docker-error"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cleanup_strbuf struct strbuf bytes, seen;
        strbuf_init(&bytes, 64);
        strbuf_init(&seen, 64);
        strbuf_append(&bytes, cases[i].bytes, cases[i].size);
        struct error err;
        assert_int_equal(feed_log(&bytes, 3, &seen, &err), -1);
        assert_string_equal(error_code_slug(err.code), cases[i].reason);
    }
}

static int note_object(void *owner, const json_t *object, struct error *err)
{
    struct strbuf *seen = owner;
    if (json_object_get(object, "stop"))
        return error_set(err, ERROR_DOCKER_ERROR, "stopped");
    strbuf_append_format(seen, "%d,", (int)json_integer_value(json_object_get(object, "n")));
    return 0;
}

static int feed_json(const char *text, size_t piece, struct strbuf *seen, struct error *err)
{
    struct json_lines lines;
    json_lines_init(&lines, note_object, seen);
    int result = 0;
    size_t size = strlen(text);
    for (size_t at = 0; at < size && result == 0; at += piece)
        result = json_lines_feed(&lines, text + at, size - at < piece ? size - at : piece, err);
    if (result == 0)
        result = json_lines_end(&lines, err);
    json_lines_clear(&lines);
    return result;
}

static void json_lines_come_out_however_cut(void **state)
{
    (void)state;
    const char *text = "{\"n\":1}\r\n\n {\"n\":2}\n{\"n\":3}";
    for (size_t piece = 1; piece <= strlen(text); piece++) {
        cleanup_strbuf struct strbuf seen;
        strbuf_init(&seen, 64);
        struct error err;
        assert_int_equal(feed_json(text, piece, &seen, &err), 0);
        assert_string_equal(strbuf_text(&seen), "1,2,3,");
    }
}

static void damaged_json_lines_are_errors(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"n\":1}\n[1]\n", "docker-answer"},
        {"{\"n\":\n", "docker-answer"},
        {"{\"n\":1} x", "docker-answer"},
        {"{\"stop\":1}\n{\"n\":2}\n", "docker-error"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cleanup_strbuf struct strbuf seen;
        strbuf_init(&seen, 64);
        struct error err;
        assert_int_equal(feed_json(cases[i][0], 4, &seen, &err), -1);
        assert_string_equal(error_code_slug(err.code), cases[i][1]);
    }
}

static void json_lines_are_bounded(void **state)
{
    (void)state;
    struct json_lines lines;
    json_lines_init(&lines, note_object, NULL);
    char block[65536];
    memset(block, ' ', sizeof(block));
    struct error err;
    int result = 0;
    for (size_t i = 0; i <= JSON_LINE_MAX / sizeof(block) && result == 0; i++)
        result = json_lines_feed(&lines, block, sizeof(block), &err);
    assert_int_equal(result, -1);
    assert_string_equal(error_code_slug(err.code), "docker-answer");
    json_lines_clear(&lines);
}

static void versions_are_chosen(void **state)
{
    (void)state;
    static const struct {
        const char *offered, *chosen, *reason;
    } cases[] = {
        {"1.41", "1.41", NULL},           {"1.44", "1.44", NULL},          {"1.52", DOCKER_API_NEWEST, NULL},
        {"1.40", NULL, "docker-version"}, {"1.9", NULL, "docker-version"}, {"", NULL, "docker-answer"},
        {"2.0", NULL, "docker-answer"},   {"1.x", NULL, "docker-answer"},  {"1.41b", NULL, "docker-answer"},
        {"1.-3", NULL, "docker-answer"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char version[16] = "";
        struct error err = {0};
        int result = docker_version_choose(cases[i].offered, version, sizeof(version), &err);
        assert_int_equal(result, cases[i].chosen ? 0 : -1);
        if (cases[i].chosen)
            assert_string_equal(version, cases[i].chosen);
        else
            assert_string_equal(error_code_slug(err.code), cases[i].reason);
    }
}

static void assert_json(const json_t *object, const char *key, const char *expected)
{
    char *text = json_dumps(json_object_get(object, key), JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
}

static void containers_are_described(void **state)
{
    (void)state;
    struct docker_container container = {
        .image = "img",
        .command = (const char *const[]){"a", "b", NULL},
        .labels = (struct docker_pair[]){{"berth.host", "h1"}},
        .label_count = 1,
        .binds = (struct docker_bind[]){{"/x", "/run/berth", true}},
        .bind_count = 1,
        .tmpfs = (struct docker_tmpfs[]){{.target = "/tmp", .size_bytes = 1024}},
        .tmpfs_count = 1,
        .limits = {.memory_bytes = 64 << 20, .cpus = 0.1, .pids = 32},
        .read_only_root = true,
    };
    json_t *root = container_body(&container);
    const json_t *host = json_object_get(root, "HostConfig");
    assert_json(root, "Cmd", "[\"a\",\"b\"]");
    assert_null(json_object_get(root, "Entrypoint"));
    assert_json(root, "Labels", "{\"berth.host\":\"h1\"}");
    assert_json(root, "Healthcheck", "{\"Test\":[\"NONE\"]}");
    assert_json(host, "Mounts",
                "[{\"ReadOnly\":true,\"Source\":\"/x\",\"Target\":\"/run/berth\",\"Type\":\"bind\"}]");
    assert_json(host, "Tmpfs", "{\"/tmp\":\"rw,nosuid,nodev,noexec,mode=1777,uid=0,gid=0,size=1024\"}");
    assert_json(host, "Memory", "67108864");
    assert_json(host, "MemorySwap", "67108864");
    assert_json(host, "NanoCpus", "100000000");
    assert_json(host, "PidsLimit", "32");
    assert_json(host, "CapDrop", "[\"ALL\"]");
    assert_json(host, "SecurityOpt", "[\"no-new-privileges:true\"]");
    assert_json(host, "OomScoreAdj", "0");
    assert_null(json_object_get(host, "Runtime"));
    assert_json(host, "Ulimits", "[{\"Hard\":1,\"Name\":\"core\",\"Soft\":1}]");
    assert_json(host, "ReadonlyRootfs", "true");
    assert_json(host, "NetworkMode", "\"none\"");
    assert_json(host, "LogConfig",
                "{\"Config\":{\"compress\":\"false\",\"max-file\":\"1\",\"max-size\":\"1048576\"},"
                "\"Type\":\"local\"}");
    json_decref(root);

    container.own_seccomp = true;
    container.oom_score_adj = 500;
    container.runtime = "crun";
    container.host_users = true;
    root = container_body(&container);
    host = json_object_get(root, "HostConfig");
    const char *profile = json_string_value(json_array_get(json_object_get(host, "SecurityOpt"), 1));
    assert_int_equal(strncmp(profile, "seccomp={\"defaultAction\":\"SCMP_ACT_ERRNO\"", 40), 0);
    assert_json(host, "OomScoreAdj", "500");
    assert_json(host, "Runtime", "\"crun\"");
    assert_json(host, "UsernsMode", "\"host\"");
    json_decref(root);

    container.command = (const char *const[]){"\xff\xfe", NULL};
    assert_null(container_body(&container));
}

/* Reads the whole tar of a folder in odd pieces. */
static int pack(const char *folder, uint64_t max, struct strbuf *ret_bytes, struct error *err)
{
    struct context_tar *tar;
    if (context_tar_create(folder, max, &tar, err) < 0)
        return -1;
    char piece[777];
    size_t length;
    int result;
    while ((result = context_tar_read(tar, piece, sizeof(piece), &length, err)) == 0 && length > 0)
        assert_int_equal(strbuf_append(ret_bytes, piece, length), 0);
    context_tar_destroy(tar);
    return result;
}

static void put_file(const char *folder, const char *name, size_t size, mode_t mode)
{
    char *path = xasprintf("%s/%s", folder, name);
    char *bytes = xmalloc(size + 1);
    memset(bytes, 'z', size);
    struct error err;
    assert_int_equal(fs_write_file(path, bytes, size, mode, &err), 0);
    free(bytes);
    free(path);
}

/* Checks that the tar holds an entry of that name, sort and size. */
static void assert_entry(const struct strbuf *bytes, const char *name, mode_t mode, int64_t size)
{
    struct archive *archive = archive_read_new();
    archive_read_support_format_tar(archive);
    assert_int_equal(archive_read_open_memory(archive, bytes->data, bytes->length), ARCHIVE_OK);
    struct archive_entry *entry;
    bool found = false;
    while (!found && archive_read_next_header(archive, &entry) == ARCHIVE_OK)
        found = strcmp(archive_entry_pathname(entry), name) == 0;
    if (!found)
        fail_msg("no entry %s", name);
    assert_int_equal(archive_entry_mode(entry), mode);
    assert_int_equal(archive_entry_uid(entry), 0);
    if (S_ISREG(mode))
        assert_int_equal(archive_entry_size(entry), size);
    if (S_ISLNK(mode))
        assert_string_equal(archive_entry_symlink(entry), "../big");
    archive_read_free(archive);
}

static void folders_are_packed(void **state)
{
    (void)state;
    char folder[] = "/tmp/berth-test-context-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *sub = xasprintf("%s/sub", folder), *link = xasprintf("%s/sub/link", folder);
    char *pipe_path = xasprintf("%s/sub/pipe", folder);
    assert_int_equal(mkdir(sub, 0750), 0);
    put_file(folder, "big", 200000, 0644);
    put_file(folder, "empty", 0, 0644);
    put_file(folder, "sub/tool", 3, 0755);
    assert_int_equal(symlink("../big", link), 0);

    cleanup_strbuf struct strbuf bytes;
    strbuf_init(&bytes, 1 << 20);
    struct error err;
    assert_int_equal(pack(folder, 1 << 20, &bytes, &err), 0);
    assert_entry(&bytes, "big", S_IFREG | 0644, 200000);
    assert_entry(&bytes, "empty", S_IFREG | 0644, 0);
    assert_entry(&bytes, "sub/", S_IFDIR | 0750, 0);
    assert_entry(&bytes, "sub/tool", S_IFREG | 0755, 3);
    assert_entry(&bytes, "sub/link", S_IFLNK | 0777, 0);

    strbuf_reset(&bytes);
    assert_int_equal(pack(folder, 1000, &bytes, &err), -1);
    assert_string_equal(error_code_slug(err.code), "build-context");
    assert_non_null(strstr(err.message, "too big"));

    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    strbuf_reset(&bytes);
    assert_int_equal(pack(folder, 1 << 20, &bytes, &err), -1);
    assert_non_null(strstr(err.message, "sub/pipe"));

    assert_int_equal(fs_remove_tree(folder, &err), 0);
    assert_int_equal(pack(folder, 1 << 20, &bytes, &err), -1);
    assert_string_equal(error_code_slug(err.code), "build-context");
    free(sub);
    free(link);
    free(pipe_path);
}

/* Somebody who makes and removes a folder and a file of the same name until he is stopped. */
struct worker {
    pthread_t thread;
    char *path;
    _Atomic bool stopped;
};

static void *make_and_remove(void *context)
{
    struct worker *worker = context;
    while (!worker->stopped) {
        mkdir(worker->path, 0700);
        rmdir(worker->path);
        close(open(worker->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        unlink(worker->path);
    }
    return NULL;
}

static void what_goes_away_before_its_turn_is_left_out(void **state)
{
    (void)state;
    char folder[] = "/tmp/berth-living-XXXXXX";
    assert_non_null(mkdtemp(folder));
    struct worker worker = {.path = xasprintf("%s/passing", folder)};
    assert_int_equal(pthread_create(&worker.thread, NULL, make_and_remove, &worker), 0);
    for (unsigned i = 0; i < 3000; i++) {
        struct context_tar *tar;
        struct error err;
        char piece[4096];
        size_t length = 1;
        int result = context_tar_create(folder, UINT64_MAX, &tar, &err);
        assert_int_equal(result, 0);
        context_tar_set_living(tar);
        while (result == 0 && length > 0)
            result = context_tar_read(tar, piece, sizeof(piece), &length, &err);
        context_tar_destroy(tar);
        if (result < 0)
            fail_msg("%s", err.message);
    }
    worker.stopped = true;
    pthread_join(worker.thread, NULL);
    assert_int_equal(fs_remove_tree(folder, NULL), 0);
    free(worker.path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log_lines_come_out_however_cut),
        cmocka_unit_test(log_lines_are_bounded),
        cmocka_unit_test(damaged_logs_are_errors),
        cmocka_unit_test(json_lines_come_out_however_cut),
        cmocka_unit_test(damaged_json_lines_are_errors),
        cmocka_unit_test(json_lines_are_bounded),
        cmocka_unit_test(versions_are_chosen),
        cmocka_unit_test(containers_are_described),
        cmocka_unit_test(folders_are_packed),
        cmocka_unit_test(what_goes_away_before_its_turn_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
