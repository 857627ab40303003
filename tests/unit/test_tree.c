#include "build_bench.h"

#include "build/tree.h"

#include <archive.h>
#include <archive_entry.h>
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
    assert_string_equal(err.reason, "too-deep");
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

static void test_tar(void **state)
{
    (void)state;
    struct bench bench;
    struct error err;
    void *data;
    size_t size;
    bench_open(&bench);
    make_tree(&bench, "t");
    cleanup_free char *long_name = xasprintf("t/%0120d/%0120d", 1, 2); /* needs a pax header */
    bench_file(&bench, long_name, "deep", 0644);
    bench_file(&bench, "t/t\xc3\xa9xt", "utf8", 0644);
    bench_file(&bench, "t/t\xe9xt", "latin1", 0644);
    cleanup_free char *top = bench_path(&bench, "t");
    assert_int_equal(tree_tar(top, 1 << 20, &data, &size, &err), 0);
    assert_int_equal(size % 512, 0);

    cleanup_strbuf struct strbuf seen;
    strbuf_init(&seen, 4096);
    struct archive *archive = archive_read_new();
    struct archive_entry *entry;
    archive_read_support_format_tar(archive);
    assert_int_equal(archive_read_open_memory(archive, data, size), ARCHIVE_OK);
    while (archive_read_next_header(archive, &entry) == ARCHIVE_OK) {
        assert_int_equal(archive_entry_mtime(entry), TREE_MTIME_S);
        assert_int_equal(archive_entry_uid(entry), 0);
        if (strlen(archive_entry_pathname(entry)) < 100)
            strbuf_append_format(&seen, "%s %o %d\n", archive_entry_pathname(entry),
                                 archive_entry_mode(entry), (int)archive_entry_size(entry));
        else
            assert_string_equal(archive_entry_pathname(entry) + strlen(archive_entry_pathname(entry)) -
                                    (archive_entry_filetype(entry) == AE_IFDIR ? 2 : 1),
                                archive_entry_filetype(entry) == AE_IFDIR ? "1/" : "2");
    }
    assert_string_equal(strbuf_text(&seen),
                        "a 100600 1\nb/ 40755 0\nb/run 100755 2\nb/two 100644 2\nb-c 100644 0\n"
                        "t\xc3\xa9xt 100644 4\nt\xe9xt 100644 6\n");
    archive_read_free(archive);
    free(data);

    bench_file(&bench, "t/large", "0123456789", 0644);
    assert_int_equal(tree_tar(top, 1024, &data, &size, &err), -1);
    assert_string_equal(err.reason, "too-large");
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walk),
        cmocka_unit_test(test_too_deep),
        cmocka_unit_test(test_digest),
        cmocka_unit_test(test_tar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
