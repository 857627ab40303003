/* Docker's config.json and the answers of its helpers: the credentials for a registry, or the helper to be
 * asked. */
#include "base/cleanup.h"
#include "prepare/image/registry_config.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The JSON in a header; "" for none. The caller frees it. */
static char *text_of(const struct locked *login)
{
    char *text = calloc(1, login->size + 1);
    size_t length = 0;
    if (login->bytes)
        assert_int_equal(sodium_base642bin((unsigned char *)text, login->size, login->bytes,
                                           strlen(login->bytes), NULL, &length, NULL,
                                           sodium_base64_VARIANT_URLSAFE),
                         0);
    return text;
}

#define AUTH "\"auth\":\"dXNlcjphOmI=\"" /* user:a:b */

static void credentials_of_a_registry_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *config, *registry, *helper, *login;
    } rows[] = {
        {"{}", "r:1", NULL, ""},
        {"{\"auths\":{\"r:1\":{}}}", "r:1", NULL, ""},
        {"{\"auths\":{\"r:1\":{" AUTH "}}}", "r:2", NULL, ""},
        {"{\"auths\":{\"r:1\":{" AUTH "}}}", "r:1", NULL,
         "{\"username\":\"user\",\"password\":\"a:b\",\"serveraddress\":\"r:1\"}"},
        {"{\"auths\":{\"https://r:1/v1/\":{" AUTH "}}}", "r:1", NULL,
         "{\"username\":\"user\",\"password\":\"a:b\",\"serveraddress\":\"r:1\"}"},
        {"{\"auths\":{\"http://r:1\":{\"identitytoken\":\"t\"}}}", "r:1", NULL,
         "{\"identitytoken\":\"t\",\"serveraddress\":\"r:1\"}"},
        {"{\"auths\":{\"r:1\":{\"username\":\"u\",\"password\":\"p\"}}}", "r:1", NULL,
         "{\"username\":\"u\",\"password\":\"p\",\"serveraddress\":\"r:1\"}"},
        {"{\"auths\":{\"r:1\":{" AUTH "}},\"credsStore\":\"s\"}", "r:1", "s", ""},
        {"{\"credHelpers\":{\"r:1\":\"h\"},\"credsStore\":\"s\"}", "r:1", "h", ""},
        {"{\"credHelpers\":{\"r:1\":\"h\"},\"credsStore\":\"s\"}", "r:2", "s", ""},
        {"{\"credHelpers\":{\"r:1\":\"h\"},\"auths\":{\"r:2\":{\"identitytoken\":\"t\"}}}", "r:2", NULL,
         "{\"identitytoken\":\"t\",\"serveraddress\":\"r:2\"}"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct error err;
        cleanup_free char *helper = NULL;
        cleanup_locked struct locked login = {0};
        assert_int_equal(registry_config_read(rows[i].config, strlen(rows[i].config), rows[i].registry,
                                              &helper, &login, &err),
                         0);
        cleanup_free char *text = text_of(&login);
        assert_string_equal(helper ? helper : "", rows[i].helper ? rows[i].helper : "");
        assert_string_equal(text, rows[i].login);
    }
}

static void what_is_no_config_is_told_without_what_it_holds(void **state)
{
    (void)state;
    static const struct {
        const char *config, *message;
    } rows[] = {
        {"", "it is no JSON: line 1, column 0"},
        {"[]", "it is no JSON object"},
        {"{\n\"auths\": hidden", "it is no JSON: line 2, column 15"},
        {"{\"auths\":{\"r:1\":{\"auth\":\"hidden!\"}}}", "what it has for r:1 is no user and password"},
        {"{\"auths\":{\"r:1\":{\"auth\":\"aGlkZGVu\"}}}", "what it has for r:1 is no user and password"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct error err;
        cleanup_free char *helper = NULL;
        cleanup_locked struct locked login = {0};
        assert_int_equal(
            registry_config_read(rows[i].config, strlen(rows[i].config), "r:1", &helper, &login, &err), -1);
        assert_int_equal(err.code, ERROR_IMAGE_LOGIN);
        assert_string_equal(err.message, rows[i].message);
        assert_null(login.bytes);
    }
}

static void answers_of_helpers_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *answer, *login; /* NULL: it is none */
    } rows[] = {
        {"{\"ServerURL\":\"x\",\"Username\":\"u\",\"Secret\":\"s\"}\n",
         "{\"username\":\"u\",\"password\":\"s\",\"serveraddress\":\"r:1\"}"},
        {"{\"Username\":\"<token>\",\"Secret\":\"s\"}",
         "{\"identitytoken\":\"s\",\"serveraddress\":\"r:1\"}"},
        {"{\"Username\":\"u\"}", NULL},
        {"{}", NULL},
        {"hidden", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct error err;
        cleanup_locked struct locked login = {0};
        int rc = registry_config_read_answer(rows[i].answer, strlen(rows[i].answer), "r:1", &login, &err);
        cleanup_free char *text = text_of(&login);
        assert_int_equal(rc, rows[i].login ? 0 : -1);
        assert_string_equal(text, rows[i].login ? rows[i].login : "");
        if (rc < 0)
            assert_null(strstr(err.message, "hidden"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(credentials_of_a_registry_are_found),
        cmocka_unit_test(what_is_no_config_is_told_without_what_it_holds),
        cmocka_unit_test(answers_of_helpers_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
