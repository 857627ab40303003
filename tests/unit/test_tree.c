#include "build_bench.h"

#include "base/alloc.h"
#include "base/strbuf.h"
#include "prepare/store/tree.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

static void make_tree(const struct bench *bench, const char *name)
{
    static const struct {
        const char *path, *text;
        mode_t mode;
    } files[] = {{"b/two", "22", 0644}, {"a", "1", 0600}, {"b/run", "#!", 0755}, {"b-c", "", 0644}};
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        cleanup_free char *path = xasprintf("%s/%s", name, files[i].path);
        bench_file(bench, path, files[i].text, files[i].mode);
    }
}

static int note_path(void *context, const struct tree_entry *entry, struct error *err)
{
    (void)err;
    strbuf_append_format(context, "%d:%s ", (int)entry->kind, entry->path);
    return strcmp(entry->name, "skipped") == 0 ? 1 : 0;
}

static void test_walk(void **state)
{
    (void)state;
    struct bench bench;
    struct error err;
    bench_open(&bench);
    make_tree(&bench, "t");
    bench_file(&bench, "t/skipped/inner", "", 0644);
    cleanup_free char *top = bench_path(&bench, "t");
    cleanup_free char *link = bench_path(&bench, "t/link");
    cleanup_free char *fifo = bench_path(&bench, "t/fifo");
    assert_int_equal(symlink("b", link), 0);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    cleanup_strbuf struct strbuf seen;
    strbuf_init(&seen, 4096);
    assert_int_equal(tree_walk(top, note_path, &seen, &err), 0);
    assert_string_equal(strbuf_text(&seen), "0:a 3:b 0:b/run 0:b/two 4:b 0:b-c 2:fifo 1:link 3:skipped ");
    assert_int_equal(tree_walk("/nonexistent", note_path, &seen, &err), -1);
    bench_close(&bench);
}

static void test_too_deep(void **state)
{
    (void)state;
    struct bench bench;
    struct error err;
    struct tree_size size;
    bench_open(&bench);
    cleanup_strbuf struct strbuf path;
    strbuf_init(&path, 4096);
    strbuf_append_text(&path, "t");
    for (int i = 0; i < TREE_DEPTH_MAX; i++)
        strbuf_append_text(&path, "/d");
    strbuf_append_text(&path, "/f");
    bench_file(&bench, strbuf_text(&path), "", 0644);
    cleanup_free char *top = bench_path(&bench, "t");
    assert_int_equal(tree_measure(top, &size, &err), -1);
    assert_string_equal(error_code_slug(err.code), "too-deep");
    bench_close(&bench);
}

static void test_digest(void **state)
{
    (void)state;
    struct bench bench;
    struct tree_size size;
    char one[HASH_HEX_SIZE], other[HASH_HEX_SIZE];
    bench_open(&bench);
    make_tree(&bench, "one");
    make_tree(&bench, "other");
    cleanup_free char *first = bench_path(&bench, "one");
    cleanup_free char *second = bench_path(&bench, "other");
    assert_int_equal(tree_digest(first, one, &size, NULL), 0);
    assert_int_equal(tree_digest(second, other, NULL, NULL), 0);
    assert_string_equal(one, other);
    assert_int_equal(size.bytes, 5);
    assert_int_equal(size.files, 4);

    cleanup_free char *file = bench_path(&bench, "other/a");
    assert_int_equal(chmod(file, 0755), 0);
    assert_int_equal(tree_digest(second, other, NULL, NULL), 0);
    assert_string_not_equal(one, other);
    assert_int_equal(chmod(file, 0644), 0);
    assert_int_equal(tree_digest(second, other, NULL, NULL), 0);
    assert_string_equal(one, other);
    bench_file(&bench, "other/a", "2", 0644);
    assert_int_equal(tree_digest(second, other, NULL, NULL), 0);
    assert_string_not_equal(one, other);
    bench_close(&bench);
}

/* A copy has the digest of the original, and its modes and times; what is there already is not written over.
 */
static void test_copy(void **state)
{
    (void)state;
    struct bench bench;
    struct error err;
    char one[HASH_HEX_SIZE], other[HASH_HEX_SIZE];
    bench_open(&bench);
    make_tree(&bench, "t");
    cleanup_free char *top = bench_path(&bench, "t"), *to = bench_path(&bench, "copy");
    cleanup_free char *link = bench_path(&bench, "t/link"), *closed = bench_path(&bench, "t/b");
    cleanup_free char *copied = bench_path(&bench, "copy/b"), *file = bench_path(&bench, "copy/a");
    cleanup_free char *large = xcalloc(1, 200001);
    memset(large, 'x', 200000);
    bench_file(&bench, "t/large", large, 0755);
    assert_int_equal(symlink("../outside", link), 0);
    assert_int_equal(chmod(closed, 0555), 0);
    assert_int_equal(mkdir(to, 0755), 0);
    assert_int_equal(tree_copy(top, to, &err), 0);
    assert_int_equal(tree_digest(top, one, NULL, &err), 0);
    assert_int_equal(tree_digest(to, other, NULL, &err), 0);
    assert_string_equal(one, other);
    struct stat before, after;
    assert_int_equal(stat(copied, &after), 0);
    assert_int_equal(after.st_mode & 0777, 0555);
    cleanup_free char *original = bench_path(&bench, "t/a");
    assert_int_equal(stat(original, &before), 0);
    assert_int_equal(stat(file, &after), 0);
    assert_int_equal(after.st_mode, before.st_mode);
    assert_int_equal(after.st_mtime, before.st_mtime);
    assert_int_equal(tree_copy(top, to, &err), -1);
    assert_non_null(strstr(err.message, "cannot copy a: "));
    cleanup_free char *missing = bench_path(&bench, "missing");
    assert_int_equal(tree_copy(top, missing, &err), -1);
    assert_int_equal(chmod(closed, 0755), 0);
    assert_int_equal(chmod(copied, 0755), 0);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walk),
        cmocka_unit_test(test_too_deep),
        cmocka_unit_test(test_digest),
        cmocka_unit_test(test_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
