/* What the container plugin says of commands, names of images and Dockerfiles. */
#include "dockerfile.h"
#include "image_name.h"
#include "words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void a_command_is_split_without_a_shell(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum words_result result;
        const char *words[5];
    } rows[] = {
        {"nginx -g daemon\\ off;", WORDS_GOOD, {"nginx", "-g", "daemon off;"}},
        {"  sh -c 'echo \"$HOME\" | cat'\t", WORDS_GOOD, {"sh", "-c", "echo \"$HOME\" | cat"}},
        {"a\"b c\"'d'e", WORDS_GOOD, {"ab cde"}},
        {"x \"\" \"\\\"\" '\\'", WORDS_GOOD, {"x", "", "\"", "\\"}},
        {"one\ntwo\r\n", WORDS_GOOD, {"one", "two"}},
        {"", WORDS_NONE, {NULL}},
        {" \t\n", WORDS_NONE, {NULL}},
        {"a 'b", WORDS_OPEN_QUOTE, {NULL}},
        {"a \"b\\\"", WORDS_OPEN_QUOTE, {NULL}},
        {"a\\", WORDS_OPEN_BACKSLASH, {NULL}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[64];
        const char *words[WORDS_MAX + 1];
        snprintf(text, sizeof(text), "%s", rows[i].text);
        assert_int_equal(words_split(text, words), rows[i].result);
        for (size_t w = 0; rows[i].result == WORDS_GOOD && w < 5; w++) {
            if (!rows[i].words[w]) {
                assert_null(words[w]);
                break;
            }
            assert_string_equal(words[w], rows[i].words[w]);
        }
    }
}

static void a_command_has_so_many_words_and_no_more(void **state)
{
    (void)state;
    const char *words[WORDS_MAX + 1];
    char text[2 * WORDS_MAX + 3];
    for (size_t i = 0; i <= WORDS_MAX; i++)
        memcpy(text + 2 * i, "x ", 3);
    assert_int_equal(words_split(text, words), WORDS_TOO_MANY);
    for (size_t i = 0; i < WORDS_MAX; i++)
        memcpy(text + 2 * i, "x ", 3);
    assert_int_equal(words_split(text, words), WORDS_GOOD);
    assert_null(words[WORDS_MAX]);
}

#define AT_DIGEST(name) (name "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")

static void names_of_images(void **state)
{
    (void)state;
    static const char *const good[] = {
        "nginx",       "nginx:1.25-alpine", "a/b/c",          "host.test/a", "host.test:5000/a/b:x_Y",
        "localhost/a", AT_DIGEST("a"),      AT_DIGEST("a:1"), "a__b",        "a--b.c_d",
        "0",           "127.0.0.1:5000/x",
    };
    static const char *const bad[] = {
        "",     ":",     "a:", "a:-x", "a:b:c",       "A",  "a/B",         "/a",      "a/",   "a//b",  "a b",
        "a..b", "a___b", "-a", "a-",   "a@sha256:12", "a@", "host:port/a", ":5000/a", "a:\n", "a\x7f",
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (image_name_problem(good[i]))
            fail_msg("%s: %s", good[i], image_name_problem(good[i]));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (!image_name_problem(bad[i]))
            fail_msg("\"%s\" passes", bad[i]);
    }
}

static struct dockerfile read_text(const char *text)
{
    struct dockerfile file;
    dockerfile_read(text, strlen(text), &file);
    return file;
}

static void dockerfiles_without_a_mistake(void **state)
{
    (void)state;
    static const char *const good[] = {
        "FROM x",
        "# syntax\n\n ARG A=1\nfrom x:${A} AS b\nRUN a \\\n# note\n\n && nonsense\nCMD [\"a\"]\n",
        "# syntax = y\r\n# escape = `\r\nFROM x\r\nRUN dir `\r\n  c:\\\r\nEXPOSE 80\r\n",
        "FROM x\nLABEL a=b\\\\\nEXPOSE 80\n",
        ("\xef\xbb\xbf"
         "FROM x\n"),
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_string_equal(read_text(good[i]).problem, "");
}

static void mistakes_have_a_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *problem;
        unsigned line, column;
    } rows[] = {
        {"", "the Dockerfile has no FROM", 0, 0},
        {"# FROM x\nARG A\n", "the Dockerfile has no FROM", 0, 0},
        {"\n  RUN x\n", "RUN stands before the first FROM", 2, 3},
        {"# note\n# escape=`\nFROM x\nRUN a `\nb\n", "\"b\" is no instruction of a Dockerfile", 5, 1},
        {"FROM x\n\tCOPPY a b\n", "\"COPPY\" is no instruction of a Dockerfile", 2, 2},
        {"FROM x\nRUN\n", "RUN has nothing behind it", 2, 1},
        {"FROM\n", "FROM has nothing behind it", 1, 1},
        {"FROM x\n<<<<<<< HEAD\n", "\"<<<<<<<\" is no instruction of a Dockerfile", 2, 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct dockerfile file = read_text(rows[i].text);
        assert_string_equal(file.problem, rows[i].problem);
        assert_int_equal(file.line, rows[i].line);
        assert_int_equal(file.column, rows[i].column);
    }
    struct dockerfile binary;
    dockerfile_read("FROM x\0", 7, &binary);
    assert_string_equal(binary.problem, "the Dockerfile is no text: it has a NUL in it");
}

static void ports_are_noted_where_they_are_numbers(void **state)
{
    (void)state;
    struct dockerfile file = read_text("FROM x\nEXPOSE 80 443/TCP 53/udp\n");
    assert_int_equal(file.port_count, 2);
    assert_int_equal(file.ports[0], 80);
    assert_int_equal(file.ports[1], 443);
    assert_int_equal(file.port_line, 2);
    assert_false(file.port_is_unclear);
    assert_true(read_text("FROM x\nEXPOSE $PORT\n").port_is_unclear);
    assert_true(read_text("FROM x\nEXPOSE 70000\n").port_is_unclear);
    assert_true(read_text("FROM x\nEXPOSE 80 \\\n 81\n").port_is_unclear);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_is_split_without_a_shell),
        cmocka_unit_test(a_command_has_so_many_words_and_no_more),
        cmocka_unit_test(names_of_images),
        cmocka_unit_test(dockerfiles_without_a_mistake),
        cmocka_unit_test(mistakes_have_a_place),
        cmocka_unit_test(ports_are_noted_where_they_are_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
