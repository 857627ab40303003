/* A folder of a test's own, with the path of one file in it: set-up and tear-down. */
#ifndef TESTS_OWN_FOLDER_H
#define TESTS_OWN_FOLDER_H

#include "base/alloc.h"
#include "base/fs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

struct folder {
    char path[64];
    char *file; /* not made */
};

static inline int make_folder(void **state)
{
    struct folder *folder = xcalloc(1, sizeof(*folder));
    snprintf(folder->path, sizeof(folder->path), "/tmp/berth-unit-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    folder->file = xasprintf("%s/file", folder->path);
    *state = folder;
    return 0;
}

static inline int remove_folder(void **state)
{
    struct folder *folder = *state;
    struct error err;
    assert_int_equal(fs_remove_tree(folder->path, &err), 0);
    free(folder->file);
    free(folder);
    return 0;
}

#define FOLDER_TEST(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

#endif
