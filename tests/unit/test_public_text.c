/* What strangers are told: the same, without this host's folders. */
#include "base/public_text.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int hide_folders(void **state)
{
    (void)state;
    public_text_hide("/var/lib/berth", "state_dir");
    public_text_hide("/srv/my functions/", NULL);
    public_text_hide("/srv/my functions/plugins", "plugin_dir");
    public_text_hide("relative", "wrong");
    public_text_hide("/", "wrong");
    return 0;
}

static void assert_public(const char *text, const char *expected)
{
    char shown[256];
    public_text(text, shown, sizeof(shown));
    assert_string_equal(shown, expected);
}

static void hidden_folders_are_called_by_their_stand_ins(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"cannot create /var/lib/berth/packages/ab: no space",
         "cannot create state_dir/packages/ab: no space"},
        {"cannot lock /var/lib/berth", "cannot lock state_dir"},
        {"bind:/var/lib/berth/x:ro", "bind:state_dir/x:ro"},
        {"-v/var/lib/berth/x", "-vstate_dir/x"},
        {"/srv/my functions/functions/hello/hello.py:3:1: error: no",
         "functions/hello/hello.py:3:1: error: no"},
        {"\"/srv/my functions\" is gone", "\".\" is gone"},
        {"/srv/my functions/", "./"},
        {"/srv/my functions/plugins/python.so", "plugin_dir/python.so"},
        {"/var/lib/berthing/x", "x"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_public(cases[i][0], cases[i][1]);
}

static void other_absolute_paths_keep_their_last_component(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", ""},
        {"/", "/"},
        {"/home/ada/hello.py:1:2: error: no", "hello.py:1:2: error: no"},
        {"File \"/home/ada/hello.py\", line 3", "File \"hello.py\", line 3"},
        {"no such folder: /home/ada/functions/", "no such folder: functions"},
        {"open /var/lib/docker/overlay2/x.tmp, write it", "open x.tmp, write it"},
        {"the socket unix:///var/run/docker.sock", "the socket unix://docker.sock"},
        {"--file=/etc/berth/a.yml", "--file=a.yml"},
        {"(//a//b)", "(b)"},
        {"error:/a/b", "error:b"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_public(cases[i][0], cases[i][1]);
}

static void what_names_no_folder_stays(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "Functions are served at /<name> and /function/<name>.",
        "duplicate route: \"/hello\" belongs to \"hello\" on line 3",
        "hello/hello.py:3:1: error: text/plain and/or 1/2",
        "#!/bin/sh or /bin/sh, /usr/bin/env, /dev/null",
        "see /system/function/<name> of the management port",
        "GET /async/0123456789abcdef0123456789abcdef says why.",
        "see https://example.org/simple/six/ for it",
        "\xc3\xa4/\xc3\xb6",
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_public(cases[i], cases[i]);
}

static void addresses_lose_user_and_password(void **state)
{
    (void)state;
    assert_public("ask https://ada:secret@example.org/simple", "ask https://example.org/simple");
    assert_public("ask https://ada:p@ss@example.org:8080", "ask https://example.org:8080");
    assert_public("ask https://ada:it's/p@ss@example.org:8080", "ask https://example.org:8080");
    assert_public("git+ssh://git@example.org/a@b", "git+ssh://example.org/a@b");
}

static void what_is_no_text_does_not_get_out(void **state)
{
    (void)state;
    assert_public("caf\xe9: no such file", "caf?: no such file");
}

static void it_is_cut_to_its_room(void **state)
{
    (void)state;
    char shown[4];
    public_text("/var/lib/berth", shown, sizeof(shown));
    assert_string_equal(shown, "sta");
    public_text("ab\xc3\xa4", shown, sizeof(shown));
    assert_string_equal(shown, "ab?");
    public_text("/a/b", shown, 1);
    assert_string_equal(shown, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hidden_folders_are_called_by_their_stand_ins),
        cmocka_unit_test(other_absolute_paths_keep_their_last_component),
        cmocka_unit_test(what_names_no_folder_stays),
        cmocka_unit_test(addresses_lose_user_and_password),
        cmocka_unit_test(what_is_no_text_does_not_get_out),
        cmocka_unit_test(it_is_cut_to_its_room),
    };
    return cmocka_run_group_tests(tests, hide_folders, NULL);
}
