/* The names of images, taken apart. */
#include "docker/image_reference.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define DIGEST "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void names_have_registry_path_and_version(void **state)
{
    (void)state;
    static const struct {
        const char *name, *registry, *path, *version;
    } rows[] = {
        {"nginx", "", "nginx", "latest"},
        {"nginx:1.22", "", "nginx", "1.22"},
        {"team/app", "", "team/app", "latest"},
        {"team/app:2@" DIGEST, "", "team/app", DIGEST},
        {"nginx@" DIGEST, "", "nginx", DIGEST},
        {"localhost/app", "localhost", "localhost/app", "latest"},
        {"localhosts/app", "", "localhosts/app", "latest"},
        {"127.0.0.1:5000/app", "127.0.0.1:5000", "127.0.0.1:5000/app", "latest"},
        {"127.0.0.1:5000/team/app:v1", "127.0.0.1:5000", "127.0.0.1:5000/team/app", "v1"},
        {"images.example.invalid/app@" DIGEST, "images.example.invalid", "images.example.invalid/app",
         DIGEST},
        {"", "", "", "latest"},
        {":", "", "", "latest"},
        {"@", "", "", "latest"},
        {"app@x/y.z", "", "app", "x/y.z"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const struct image_reference reference = image_reference_read(rows[i].name);
        assert_int_equal(reference.registry_length, strlen(rows[i].registry));
        assert_memory_equal(rows[i].name, rows[i].registry, reference.registry_length);
        assert_int_equal(reference.name_length, strlen(rows[i].path));
        assert_memory_equal(rows[i].name, rows[i].path, reference.name_length);
        assert_string_equal(reference.version, rows[i].version);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names_have_registry_path_and_version)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
