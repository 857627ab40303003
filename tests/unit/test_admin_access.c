/* Who may use the management API. */
#include "admin/admin_access.h"

#include "base/cleanup.h"
#include "own_folder.h"

#include <string.h>
#include <sys/stat.h>

/* --- the password's file --- */

static void write_file(const struct folder *folder, const char *text, mode_t mode)
{
    struct error err;
    assert_int_equal(fs_write_file(folder->file, text, strlen(text), mode, &err), 0);
}

static void a_password_is_made_once_and_for_its_owner_only(void **state)
{
    const struct folder *folder = *state;
    struct error err;
    cleanup_free char *first = NULL, *second = NULL;
    assert_int_equal(admin_password_open(folder->file, &first, &err), 0);
    assert_int_equal(strlen(first), 40);
    struct stat status;
    assert_int_equal(stat(folder->file, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(admin_password_open(folder->file, &second, &err), 0);
    assert_string_equal(first, second);
}

static void a_password_of_ones_own_is_taken(void **state)
{
    const struct folder *folder = *state;
    struct error err;
    cleanup_free char *password = NULL;
    write_file(folder, "open sesame\r\n", 0600);
    assert_int_equal(admin_password_open(folder->file, &password, &err), 0);
    assert_string_equal(password, "open sesame");
}

static void a_file_that_is_no_secret_or_empty_is_refused(void **state)
{
    const struct folder *folder = *state;
    struct error err;
    cleanup_free char *password = NULL;
    write_file(folder, "secret\n", 0640);
    assert_int_equal(admin_password_open(folder->file, &password, &err), -1);
    assert_string_equal(error_code_slug(err.code), "not-private");
    assert_non_null(strstr(err.hint, "chmod 600"));
    write_file(folder, "\n", 0600);
    assert_int_equal(admin_password_open(folder->file, &password, &err), -1);
    assert_string_equal(error_code_slug(err.code), "state-damaged");
}

/* --- credentials --- */

static void only_the_right_credentials_match(void **state)
{
    (void)state;
    static const struct {
        const char *authorization;
        bool matches;
    } cases[] = {
        {"Basic YWRtaW46c2VjcmV0", true}, /* admin:secret */
        {"basic YWRtaW46c2VjcmV0", true},
        {"Basic YWRtaW46c2VjcmV0cw==", false}, /* admin:secrets */
        {"Basic YWRtaW46c2VjcmV1", false}, /* admin:secreu */
        {"Basic YWRtaW46", false}, /* admin: */
        {"Basic cm9vdDpzZWNyZXQ=", false}, /* root:secret */
        {"Basic YWRtaW46c2VjcmV", false}, /* cut */
        {"Basic !!!!", false},
        {"Basic ", false},
        {"Bearer YWRtaW46c2VjcmV0", false},
        {"Bearer ", false},
        {"", false},
        {NULL, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (admin_password_matches(cases[i].authorization, "secret") != cases[i].matches)
            fail_msg("%s", cases[i].authorization ? cases[i].authorization : "none");
    }
}

/* --- browsers --- */

static void pages_from_elsewhere_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *host, *origin;
        bool is_fine;
    } cases[] = {
        {"127.0.0.1:8081", NULL, true},
        {"localhost:8081", NULL, true},
        {"LOCALHOST", NULL, true},
        {"[::1]:8081", NULL, true},
        {"192.168.1.2", NULL, true},
        {NULL, NULL, true},
        {"localhost:8081", "http://localhost:8081", true},
        {"[::1]:8081", "http://[::1]:8081", true},
        {"evil.example:8081", NULL, false},
        {"localhost.evil.example", NULL, false},
        {"127.0.0.1.evil.example:8081", NULL, false},
        {"", NULL, false},
        {"localhost:8081", "http://evil.example", false},
        {"localhost:8081", "http://localhost:3000", false},
        {"localhost:8081", "https://localhost:8081", false},
        {"localhost:8081", "null", false},
        {"localhost:8081", "", false},
        {NULL, "http://localhost:8081", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error err;
        bool is_fine = admin_check_browser(cases[i].host, cases[i].origin, &err) == 0;
        if (is_fine != cases[i].is_fine)
            fail_msg("Host %s, Origin %s", cases[i].host ? cases[i].host : "none",
                     cases[i].origin ? cases[i].origin : "none");
        if (!is_fine)
            assert_string_equal(error_code_slug(err.code), "foreign-origin");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(a_password_is_made_once_and_for_its_owner_only),
        FOLDER_TEST(a_password_of_ones_own_is_taken),
        FOLDER_TEST(a_file_that_is_no_secret_or_empty_is_refused),
        cmocka_unit_test(only_the_right_credentials_match),
        cmocka_unit_test(pages_from_elsewhere_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
