/* The base library, piece by piece. */
#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/ident.h"
#include "base/log.h"
#include "base/mailbox.h"
#include "base/strbuf.h"
#include "base/suggest.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include <cmocka.h>

static void errors_are_kept_at_their_size(void **state)
{
    (void)state;
    struct error err, again;
    struct kept_error *kept = NULL;
    error_set(&err, ERROR_REMOVED, "it did %s", "not work");
    error_replace(&kept, &err);
    assert_string_equal(kept->message, "it did not work");
    assert_string_equal(kept->hint, "");
    error_hint(&err, "try again");
    error_replace(&kept, &err);
    struct kept_error *copy = error_keep_again(kept);
    error_replace(&kept, NULL);
    assert_null(kept);
    assert_null(error_keep_again(NULL));
    error_recall(copy, &again);
    assert_int_equal(again.component, COMPONENT_FLEET);
    assert_int_equal(again.code, ERROR_REMOVED);
    assert_string_equal(again.message, "it did not work");
    assert_string_equal(again.hint, "try again");
    free(copy);
}

static void test_strbuf_grows_to_its_limit(void **state)
{
    (void)state;
    struct strbuf buf;
    strbuf_init(&buf, 100);
    assert_string_equal(strbuf_text(&buf), "");
    for (int i = 0; i < 10; i++)
        assert_int_equal(strbuf_append_format(&buf, "%010d", i), 0);
    assert_int_equal(buf.length, 100);
    assert_false(buf.overflowed);
    assert_int_equal(strbuf_append(&buf, "", 0), 0);
    assert_int_equal(strbuf_append_text(&buf, "x"), -1);
    assert_true(buf.overflowed);
    assert_int_equal(buf.length, 100);
    assert_int_equal(strlen(buf.data), 100);
    strbuf_clear(&buf);
}

/* After an overflow nothing is appended, not even what would fit: the end of the content is known. */
static void test_strbuf_overflow_stays(void **state)
{
    (void)state;
    struct strbuf buf;
    strbuf_init(&buf, 4);
    assert_int_equal(strbuf_append_text(&buf, "abc"), 0);
    assert_int_equal(strbuf_append_format(&buf, "%s", "de"), -1);
    assert_int_equal(strbuf_append_text(&buf, "d"), -1);
    assert_string_equal(strbuf_text(&buf), "abc");
    strbuf_reset(&buf);
    assert_false(buf.overflowed);
    assert_string_equal(strbuf_text(&buf), "");
    assert_int_equal(strbuf_append_text(&buf, "wxyz"), 0);
    strbuf_clear(&buf);
    assert_int_equal(buf.max, 4);
}

static void test_strbuf_steal(void **state)
{
    (void)state;
    struct strbuf buf;
    strbuf_init(&buf, 10);
    cleanup_free char *empty = strbuf_steal(&buf);
    assert_string_equal(empty, "");
    strbuf_append_text(&buf, "mine");
    cleanup_free char *text = strbuf_steal(&buf);
    assert_string_equal(text, "mine");
    assert_int_equal(buf.length, 0);
    assert_null(buf.data);
    strbuf_clear(&buf);
}

static void test_strbuf_keeps_zero_bytes(void **state)
{
    (void)state;
    cleanup_strbuf struct strbuf buf;
    strbuf_init(&buf, 10);
    strbuf_append(&buf, "a\0b", 3);
    assert_int_equal(buf.length, 3);
    assert_memory_equal(buf.data, "a\0b", 4);
}

static void check_digest(const char *text, const char *expected)
{
    char hex[HASH_HEX_SIZE];
    struct hash *hash = hash_create();
    for (const char *p = text; *p; p++)
        hash_update(hash, p, 1);
    hash_finish(hash, hex);
    assert_string_equal(hex, expected);
}

static void test_hash_known_values(void **state)
{
    (void)state;
    check_digest("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check_digest("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    check_digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void hash_two(const char *first, const char *second, char ret_hex[HASH_HEX_SIZE])
{
    struct hash *hash = hash_create();
    hash_update_text(hash, first);
    hash_update_text(hash, second);
    hash_finish(hash, ret_hex);
}

static void test_hash_texts_do_not_run_together(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"ab", "c"}, {"a", "bc"}, {"abc", ""}, {"abc", NULL}, {NULL, "abc"}};
    char digests[5][HASH_HEX_SIZE], again[HASH_HEX_SIZE];
    for (size_t i = 0; i < 5; i++) {
        hash_two(pairs[i][0], pairs[i][1], digests[i]);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(digests[i], digests[j]);
    }
    hash_two("ab", "c", again);
    assert_string_equal(again, digests[0]);
}

static void test_suggest(void **state)
{
    (void)state;
    static const char *const words[] = {"concurrency", "memory", "min_scale", "max_scale", "cpus"};
    static const struct {
        const char *word, *nearest;
    } rows[] = {
        {"concurency", "concurrency"},
        {"memroy", "memory"},
        {"mem", NULL},
        {"cpu", "cpus"},
        {"min-scale", "min_scale"},
        {"x", NULL},
        {"max_scale", "max_scale"},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const char *nearest = suggest_nearest(rows[i].word, words, 5);
        if (rows[i].nearest)
            assert_string_equal(nearest, rows[i].nearest);
        else
            assert_null(nearest);
    }
    assert_null(suggest_nearest("memory", words, 0));
}

/* The whole table, cell by cell. */
static unsigned table_distance(const char *a, const char *b)
{
    static unsigned table[65][65];
    size_t a_length = strlen(a), b_length = strlen(b);
    for (size_t i = 0; i <= a_length; i++) {
        for (size_t j = 0; j <= b_length; j++) {
            unsigned least = i == 0 ? (unsigned)j : table[i - 1][j] + 1;
            if (j > 0 && (i == 0 || table[i][j - 1] + 1 < least))
                least = table[i][j - 1] + 1;
            if (i > 0 && j > 0 && table[i - 1][j - 1] + (a[i - 1] != b[j - 1]) < least)
                least = table[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                table[i - 2][j - 2] + 1 < least)
                least = table[i - 2][j - 2] + 1;
            table[i][j] = least;
        }
    }
    return table[a_length][b_length];
}

static void random_word(unsigned *seed, char word[65])
{
    size_t length = (size_t)(rand_r(seed) % 65);
    int letters = 1 + rand_r(seed) % 4;
    for (size_t i = 0; i < length; i++)
        word[i] = (char)(rand_r(seed) % letters * 85 + 1); /* beyond ASCII too */
    word[length] = '\0';
}

static unsigned slip(const char *a, const char *b)
{
    struct suggest_word word;
    suggest_word_init(&word, a, strlen(a));
    return suggest_slip(&word, b);
}

static void test_slips_are_those_of_the_table(void **state)
{
    (void)state;
    unsigned seed = 20261128, near = 0;
    for (int round = 0; round < 20000; round++) {
        char a[65], b[65];
        random_word(&seed, a);
        random_word(&seed, b);
        size_t longer = strlen(a) > strlen(b) ? strlen(a) : strlen(b);
        size_t limit = longer / 3 > 1 ? longer / 3 : 1;
        unsigned distance = table_distance(a, b);
        assert_int_equal(slip(a, b), distance <= limit ? distance : UINT_MAX);
        near += distance <= limit;
    }
    assert_in_range(near, 1000, 19000);
}

static void test_slips(void **state)
{
    (void)state;
    assert_int_equal(slip("", ""), 0);
    assert_int_equal(slip("", "a"), 1);
    assert_int_equal(slip("a", ""), 1);
    assert_int_equal(slip("abc", ""), UINT_MAX);
    assert_int_equal(slip("abc", "abd"), 1);
    assert_int_equal(slip("abc", "acb"), 1);
    assert_int_equal(slip("kitten", "sitten"), 1);
    assert_int_equal(slip("kitten", "sitting"), UINT_MAX);
    char longer[80];
    memset(longer, 'a', sizeof(longer));
    longer[65] = '\0';
    assert_int_equal(slip(longer, longer), UINT_MAX);
    longer[64] = '\0';
    assert_int_equal(slip(longer, longer), 0);
    longer[63] = '\0';
    assert_int_equal(slip(longer, "a"), UINT_MAX);
}

static void test_ident(void **state)
{
    (void)state;
    char first[130], second[130];
    ident_random(first, 129);
    ident_random(second, 129);
    assert_int_equal(strlen(first), 129);
    assert_int_equal(strspn(first, "0123456789abcdef"), 129);
    assert_string_not_equal(first, second);
}

static void test_clock(void **state)
{
    (void)state;
    uint64_t before_ns = clock_ns();
    assert_true(clock_ms() >= before_ns / 1000000);
    assert_true(clock_ns() >= before_ns);
}

static void test_error_fills(void **state)
{
    (void)state;
    struct error err;
    memset(&err, 'x', sizeof(err));
    assert_int_equal(error_set(&err, ERROR_QUEUE_FULL, "%d things", 3), -1);
    assert_int_equal(err.component, COMPONENT_GATEWAY);
    assert_int_equal(err.code, ERROR_QUEUE_FULL);
    assert_string_equal(err.message, "3 things");
    assert_string_equal(err.hint, "");
    assert_int_equal(error_hint(&err, "try %s", "again"), -1);
    assert_int_equal(error_prefix(&err, "part %c", 'a'), -1);
    assert_string_equal(err.message, "part a: 3 things");
    assert_string_equal(err.hint, "try again");
    assert_int_equal(error_errno(&err, COMPONENT_FILES, ENOENT, "cannot open %s", "x"), -1);
    assert_string_equal(err.message, "cannot open x: No such file or directory");
    assert_int_equal(err.component, COMPONENT_FILES);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_string_equal(err.hint, "");
    assert_int_equal(error_set_in(&err, COMPONENT_BUILD, ERROR_EXISTS, "%s is there", "x"), -1);
    assert_int_equal(err.component, COMPONENT_BUILD);
    assert_int_equal(err.code, ERROR_EXISTS);
    assert_string_equal(err.message, "x is there");
    assert_int_equal(error_set(NULL, ERROR_QUEUE_FULL, "nobody cares"), -1);
    assert_int_equal(error_set_in(NULL, COMPONENT_BUILD, ERROR_EXISTS, "nobody cares"), -1);
    assert_int_equal(error_prefix(NULL, "nobody cares"), -1);
}

/* A message that is too long loses its end; the prefixes stay. */
static void test_error_truncates(void **state)
{
    (void)state;
    struct error err;
    char text[2000];
    memset(text, 'm', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    error_set(&err, ERROR_QUEUE_FULL, "%s", text);
    assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
    error_prefix(&err, "prefix");
    assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
    assert_memory_equal(err.message, "prefix: mmm", 11);
    error_errno(&err, COMPONENT_FILES, EIO, "%s", text);
    assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
    error_hint(&err, "%s", text);
    assert_int_equal(strlen(err.hint), sizeof(err.hint) - 1);
}

static char *make_directory(void)
{
    char *directory = xstrdup("/tmp/berth-test-XXXXXX");
    assert_non_null(mkdtemp(directory));
    return directory;
}

static void test_fs_write_and_read(void **state)
{
    (void)state;
    struct error err;
    cleanup_free char *directory = make_directory();
    cleanup_free char *path = xasprintf("%s/a/b/file", directory);
    cleanup_free char *parent = xasprintf("%s/a/b", directory);
    assert_int_equal(fs_write_file(path, "x", 1, 0600, &err), -1);
    assert_int_equal(fs_make_dirs(parent, 0755, &err), 0);
    assert_int_equal(fs_make_dirs(parent, 0755, &err), 0);
    assert_true(fs_is_dir(parent));
    assert_int_equal(fs_write_file(path, "old", 3, 0600, &err), 0);
    assert_int_equal(fs_write_file(path, "n\0w", 3, 0640, &err), 0);
    assert_true(fs_exists(path));
    assert_false(fs_is_dir(path));
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0640);

    char *data;
    size_t size;
    assert_int_equal(fs_read_file(path, 3, &data, &size, &err), 0);
    assert_int_equal(size, 3);
    assert_memory_equal(data, "n\0w", 4);
    free(data);
    assert_int_equal(fs_read_file(path, 2, &data, &size, &err), -1);
    assert_string_equal(error_code_slug(err.code), "too-large");
    assert_int_equal(fs_read_file("/no/such/file", 2, &data, NULL, &err), -1);
    assert_string_equal(error_code_slug(err.code), "not-found");
    cleanup_free char *below = xasprintf("%s/deeper", path);
    assert_int_equal(fs_make_dirs(below, 0755, &err), -1);
    assert_int_equal(fs_make_dirs(path, 0755, &err), -1);
    assert_int_equal(fs_remove_tree(directory, &err), 0);
    assert_false(fs_exists(directory));
}

static void assert_not_plain(const char *path, const char *kind)
{
    struct error err;
    char *data;
    cleanup_free char *message = xasprintf("%s is a %s, not a plain file", path, kind);
    assert_int_equal(fs_read_file(path, 100, &data, NULL, &err), -1);
    assert_string_equal(err.message, message);
    assert_string_equal(error_code_slug(err.code), "not-a-file");
}

/* None of them is waited for. */
static void test_fs_opens_no_folder_by_a_link(void **state)
{
    (void)state;
    char template[] = "/tmp/berth-test-XXXXXX";
    char *directory = realpath(mkdtemp(template), NULL);
    cleanup_free char *real = xasprintf("%s/real/below", directory);
    cleanup_free char *link = xasprintf("%s/link", directory);
    cleanup_free char *below_link = xasprintf("%s/link/below", directory);
    cleanup_free char *file = xasprintf("%s/real/file", directory);
    cleanup_free char *missing = xasprintf("%s/real/missing", directory);
    struct stat wanted, opened;
    struct error err;
    int fd = -1;
    assert_int_equal(fs_make_dirs(real, 0700, &err), 0);
    assert_int_equal(symlink("real", link), 0);
    assert_int_equal(fs_write_file(file, "x", 1, 0600, &err), 0);
    assert_int_equal(fs_open_real_dir(real, &fd, &err), 0);
    assert_int_equal(fstat(fd, &opened) + stat(real, &wanted), 0);
    assert_int_equal(opened.st_ino, wanted.st_ino);
    assert_int_equal(fcntl(fd, F_GETFL) & O_PATH, O_PATH);
    close(fd);
    assert_int_equal(fs_open_real_dir("/", &fd, &err), 0);
    close(fd);
    const char *const links[] = {link, below_link};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(fs_open_real_dir(links[i], &fd, &err), -1);
        assert_int_equal(err.code, ERROR_IS_LINK);
    }
    const char *const others[] = {file, missing};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(fs_open_real_dir(others[i], &fd, &err), -1);
        assert_int_not_equal(err.code, ERROR_IS_LINK);
    }
    assert_int_equal(fs_remove_tree(directory, &err), 0);
    free(directory);
}

static void test_fs_reads_plain_files_only(void **state)
{
    (void)state;
    struct error err;
    cleanup_free char *directory = make_directory();
    cleanup_free char *pipe = xasprintf("%s/pipe", directory);
    cleanup_free char *socket_path = xasprintf("%s/socket", directory);
    cleanup_free char *loop = xasprintf("%s/loop", directory);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
    cleanup_close int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(symlink("loop", loop), 0);
    assert_not_plain(pipe, "pipe");
    assert_not_plain(directory, "folder");
    assert_not_plain(socket_path, "socket");
    assert_not_plain("/dev/zero", "device");
    char *data;
    assert_int_equal(fs_read_file(loop, 100, &data, NULL, &err), -1);
    assert_string_equal(error_code_slug(err.code), "io");
    assert_int_equal(fs_remove_tree(directory, &err), 0);
}

/* Links are removed and not followed. */
static void test_fs_remove_tree(void **state)
{
    (void)state;
    struct error err;
    cleanup_free char *directory = make_directory();
    cleanup_free char *kept = make_directory();
    cleanup_free char *kept_file = xasprintf("%s/file", kept);
    cleanup_free char *link_path = xasprintf("%s/link", directory);
    assert_int_equal(fs_write_file(kept_file, "", 0, 0644, &err), 0);
    assert_int_equal(symlink(kept, link_path), 0);
    assert_int_equal(fs_remove_tree(directory, &err), 0);
    assert_false(fs_exists(directory));
    assert_true(fs_exists(kept_file));
    assert_int_equal(fs_remove_tree(directory, &err), 0);
    assert_int_equal(fs_remove_tree(kept, &err), 0);
}

struct letter {
    struct mail mail;
    unsigned sender, number;
};

struct inbox {
    struct mailbox box;
    unsigned next[4]; /* the number that each sender sends next */
    unsigned received;
};

static void receive(struct mail *mail, void *owner)
{
    struct inbox *inbox = owner;
    struct letter *letter = (struct letter *)mail;
    assert_int_equal(letter->number, inbox->next[letter->sender]);
    inbox->next[letter->sender]++;
    inbox->received++;
    free(letter);
}

#define LETTERS 20000

struct sender {
    struct inbox *inbox;
    unsigned index;
};

static void *send_letters(void *argument)
{
    const struct sender *sender = argument;
    for (unsigned i = 0; i < LETTERS; i++) {
        struct letter *letter = xcalloc(1, sizeof(*letter));
        *letter = (struct letter){{.deliver = receive}, sender->index, i};
        mailbox_post(&sender->inbox->box, &letter->mail);
    }
    return NULL;
}

static void test_mailbox_across_threads(void **state)
{
    (void)state;
    struct inbox inbox = {0};
    struct error err;
    pthread_t threads[4];
    struct sender senders[4];
    assert_int_equal(mailbox_init(&inbox.box, &err), 0);
    for (unsigned i = 0; i < 4; i++) {
        senders[i] = (struct sender){&inbox, i};
        assert_int_equal(pthread_create(&threads[i], NULL, send_letters, &senders[i]), 0);
    }
    while (inbox.received < 4 * LETTERS) {
        struct pollfd wait = {.fd = inbox.box.fd, .events = POLLIN};
        assert_int_equal(poll(&wait, 1, 10000), 1);
        mailbox_deliver(&inbox.box, &inbox);
    }
    for (unsigned i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_false(mailbox_deliver(&inbox.box, &inbox));
    mailbox_clear(&inbox.box);
    assert_int_equal(inbox.box.fd, -1);
}

struct echo {
    struct mail mail;
    struct mailbox *box;
    unsigned deliveries;
};

static void post_again(struct mail *mail, void *owner)
{
    struct echo *echo = (struct echo *)mail;
    (void)owner;
    if (++echo->deliveries < 3)
        mailbox_post(echo->box, mail);
}

static void test_mail_posted_during_delivery_waits(void **state)
{
    (void)state;
    struct mailbox box;
    struct error err;
    assert_int_equal(mailbox_init(&box, &err), 0);
    struct echo echo = {.mail.deliver = post_again, .box = &box};
    mailbox_post(&box, &echo.mail);
    for (unsigned i = 1; i <= 3; i++) {
        struct pollfd wait = {.fd = box.fd, .events = POLLIN};
        assert_int_equal(poll(&wait, 1, 0), 1);
        assert_true(mailbox_deliver(&box, NULL));
        assert_int_equal(echo.deliveries, i);
    }
    assert_false(mailbox_deliver(&box, NULL));
    mailbox_clear(&box);
}

/* Runs `write_lines` with standard error going into a pipe, and gives what it wrote after the time. */
static char *capture(void (*write_lines)(void))
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    int saved = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    write_lines();
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[1]);
    char *text = xcalloc(1, 32768);
    size_t length = 0;
    ssize_t size;
    while ((size = read(ends[0], text + length, 32767 - length)) > 0)
        length += (size_t)size;
    close(ends[0]);
    return text;
}

static void write_fields(void)
{
    struct error err;
    error_set(&err, ERROR_IMAGE_MISSING, "no image");
    errno = 42;
    log_debug("hidden.event", LOG_INT("x", 1));
    log_info("instance.ready", LOG_STR("function", "hello"), LOG_STR("left_out", NULL), LOG_INT("ms", -7),
             LOG_DEC("share", 0.25), LOG_STR("text", "two words \"quoted\"\n\\\x01"), LOG_STR("empty", ""));
    assert_int_equal(errno, 42);
    log_warning("it.failed", LOG_ERR(&err));
    log_error("plain");
}

static void test_log_text(void **state)
{
    (void)state;
    log_configure(LOG_INFO, LOG_TEXT);
    cleanup_free char *lines = capture(write_fields);
    static const char *const expected[] = {
        " info instance.ready function=hello ms=-7 share=0.250 text=\"two words "
        "\\\"quoted\\\"\\n\\\\\\u0001\" "
        "empty=\"\"",
        " warning it.failed component=docker reason=image-missing error=\"no image\"",
        " error plain",
    };
    char *rest = lines, *line;
    for (size_t i = 0; i < 3; i++) {
        line = strsep(&rest, "\n");
        assert_non_null(line);
        assert_int_equal(line[23], 'Z');
        assert_string_equal(line + 24, expected[i]);
    }
    assert_string_equal(rest, "");
}

static void test_log_json(void **state)
{
    (void)state;
    log_configure(LOG_WARNING, LOG_JSON);
    cleanup_free char *lines = capture(write_fields);
    log_configure(LOG_INFO, LOG_TEXT);
    char *rest = lines;
    char *line = strsep(&rest, "\n");
    assert_memory_equal(line, "{\"time\":\"", 9);
    assert_string_equal(line + 33,
                        "\",\"level\":\"warning\",\"event\":\"it.failed\",\"component\":\"docker\","
                        "\"reason\":\"image-missing\",\"error\":\"no image\"}");
    line = strsep(&rest, "\n");
    assert_string_equal(line + 33, "\",\"level\":\"error\",\"event\":\"plain\"}");
    assert_string_equal(rest, "");
}

static void write_long_line(void)
{
    static char text[8 * LOG_TEXT_MAX];
    memset(text, 'x', sizeof(text) - 1);
    log_info("long", LOG_STR("before", "kept"), LOG_STR("text", text), LOG_STR("after", "kept"));
}

/* A field that does not fit is left out; the line stays whole. */
static void test_log_line_is_bounded(void **state)
{
    (void)state;
    cleanup_free char *line = capture(write_long_line);
    assert_string_equal(line + 24, " info long before=kept after=kept\n");
}

static void write_odd_bytes(void)
{
    static const char cut[] = {'c', '\xe2', '\x82'};
    log_info("odd", LOG_STR("latin", "caf\xe9"), LOG_STR("both", "\xff \xe2\x82\xac"),
             LOG_BYTES("nul", "a\0b", 3), LOG_BYTES("cut", cut, sizeof(cut)), LOG_BYTES("none", NULL, 0));
}

/* Whatever bytes a text has, the line is UTF-8. */
static void test_log_mends_text(void **state)
{
    (void)state;
    cleanup_free char *line = capture(write_odd_bytes);
    assert_string_equal(line + 24,
                        " info odd latin=caf? both=\"? \xe2\x82\xac\" nul=\"a\\u0000b\" cut=c??\n");
    log_configure(LOG_INFO, LOG_JSON);
    cleanup_free char *json = capture(write_odd_bytes);
    log_configure(LOG_INFO, LOG_TEXT);
    assert_string_equal(json + 33, "\",\"level\":\"info\",\"event\":\"odd\",\"latin\":\"caf?\",\"both\":\"? "
                                   "\xe2\x82\xac\",\"nul\":\"a\\u0000b\",\"cut\":\"c??\"}\n");
}

static void test_log_levels(void **state)
{
    (void)state;
    enum log_level level = LOG_DEBUG;
    assert_int_equal(log_level_parse("warning", &level), 0);
    assert_int_equal(level, LOG_WARNING);
    assert_int_equal(log_level_parse("Warning", &level), -1);
    log_configure(LOG_ERROR, LOG_TEXT);
    assert_false(log_enabled(LOG_WARNING));
    assert_true(log_enabled(LOG_ERROR));
    log_configure(LOG_INFO, LOG_TEXT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_are_kept_at_their_size),
        cmocka_unit_test(test_strbuf_grows_to_its_limit),
        cmocka_unit_test(test_strbuf_overflow_stays),
        cmocka_unit_test(test_strbuf_steal),
        cmocka_unit_test(test_strbuf_keeps_zero_bytes),
        cmocka_unit_test(test_hash_known_values),
        cmocka_unit_test(test_hash_texts_do_not_run_together),
        cmocka_unit_test(test_suggest),
        cmocka_unit_test(test_slips),
        cmocka_unit_test(test_slips_are_those_of_the_table),
        cmocka_unit_test(test_ident),
        cmocka_unit_test(test_clock),
        cmocka_unit_test(test_error_fills),
        cmocka_unit_test(test_error_truncates),
        cmocka_unit_test(test_fs_write_and_read),
        cmocka_unit_test(test_fs_reads_plain_files_only),
        cmocka_unit_test(test_fs_opens_no_folder_by_a_link),
        cmocka_unit_test(test_fs_remove_tree),
        cmocka_unit_test(test_mailbox_across_threads),
        cmocka_unit_test(test_mail_posted_during_delivery_waits),
        cmocka_unit_test(test_log_text),
        cmocka_unit_test(test_log_json),
        cmocka_unit_test(test_log_line_is_bounded),
        cmocka_unit_test(test_log_mends_text),
        cmocka_unit_test(test_log_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
