/* Settings by table: how values are written, what their limits are, and how a mapping is applied. */
#include "base/network.h"
#include "base/strbuf.h"
#include "config/setting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct sample {
    char *text, *address, *choice;
    unsigned count, wait_ms, small_bytes, word;
    uint64_t bytes, budget_bytes;
    double share;
    bool flag;
    char *count_text, *flag_text, *share_text;
    struct network_list networks;
};

#define WORDS ((const char *const[]){"red", "green", "blue", NULL})

static const struct setting settings[] = {
    {"text", (const char *const[]){"string", "txt", NULL}, SETTING_STRING,
     SETTING_MEMBER(struct sample, text), .min = 2, .max = 5, .default_text = "abc", .help = "A text."},
    {"address", NULL, SETTING_ADDRESS, SETTING_MEMBER(struct sample, address), .help = "An address."},
    {"choice", NULL, SETTING_STRING, SETTING_MEMBER(struct sample, choice), .words = WORDS, .unset = "any",
     .help = "A choice."},
    {"count", NULL, SETTING_INTEGER, SETTING_MEMBER(struct sample, count), .min = 1, .max = 100,
     .default_text = "7", .help = "A number."},
    {"wait", NULL, SETTING_DURATION, SETTING_MEMBER(struct sample, wait_ms), .max = 7200000,
     .default_text = "1m", .help = "A time."},
    {"small", NULL, SETTING_SIZE, SETTING_MEMBER(struct sample, small_bytes), .max = 0x1p31,
     .help = "Bytes."},
    {"word", NULL, SETTING_WORD, SETTING_MEMBER(struct sample, word), .words = WORDS, .default_text = "green",
     .help = "A word."},
    {"bytes", NULL, SETTING_SIZE, SETTING_MEMBER(struct sample, bytes), .max = 0x1p50, .default_text = "1Gi",
     .help = "More bytes."},
    {"share", NULL, SETTING_DECIMAL, SETTING_MEMBER(struct sample, share), .min = -1, .max = 1,
     .help = "A share."},
    {"flag", NULL, SETTING_BOOLEAN, SETTING_MEMBER(struct sample, flag), .default_text = "true",
     .help = "A flag."},
    {"map", NULL, SETTING_MAPPING, .help = "A mapping."},
    {"count_text", NULL, SETTING_INTEGER, SETTING_MEMBER(struct sample, count_text), .as_text = true},
    {"flag_text", NULL, SETTING_BOOLEAN, SETTING_MEMBER(struct sample, flag_text), .as_text = true,
     .default_text = "false"},
    {"share_text", NULL, SETTING_DECIMAL, SETTING_MEMBER(struct sample, share_text), .as_text = true},
    {"networks", NULL, SETTING_NETWORKS, SETTING_MEMBER(struct sample, networks),
     .default_text = "127.0.0.0/8, ::1"},
    {"budget", NULL, SETTING_SIZE, SETTING_MEMBER(struct sample, budget_bytes), .max = 0x1p50,
     .unset = "a part", .takes_zero = true, .help = "Bytes, or none."},
};

#define COUNT (sizeof(settings) / sizeof(*settings))

static const struct setting_table elsewhere = {
    (const struct setting[]){{"elsewhere", .type = SETTING_INTEGER}}, 1, "elsewhere", NULL, NULL};
static const struct setting_table table = {settings, COUNT, "the sample", &elsewhere, "one floor up"};

static struct diagnostics findings;
static struct sample sample;
static const struct yaml_tree_node *found[COUNT];

/* Applies `text` to a fresh sample; what was said is in `findings`. */
static void apply_as(const char *text, enum setting_unknown unknown)
{
    struct reporter reporter = {.diagnostics = &findings, .file = "test.yml"};
    struct yaml_tree *tree;
    setting_clear(&table, &sample);
    sample = (struct sample){0};
    memset(found, 0, sizeof(found));
    diagnostics_clear(&findings);
    assert_int_equal(yaml_tree_parse(text, strlen(text), &reporter, &tree), 0);
    setting_defaults(&table, &sample);
    struct setting_layer layer = {&table, &sample, found};
    setting_apply(&layer, 1, yaml_tree_root(tree), unknown, &reporter);
    yaml_tree_destroy(tree);
}

static void apply(const char *text)
{
    apply_as(text, UNKNOWN_IS_ERROR);
}

static int clear(void **state)
{
    (void)state;
    setting_clear(&table, &sample);
    diagnostics_clear(&findings);
    return 0;
}

static void test_defaults(void **state)
{
    (void)state;
    apply("{}");
    assert_string_equal(sample.text, "abc");
    assert_null(sample.address);
    assert_null(sample.choice);
    assert_int_equal(sample.count, 7);
    assert_int_equal(sample.wait_ms, 60000);
    assert_int_equal(sample.small_bytes, 0);
    assert_int_equal(sample.word, 1);
    assert_int_equal(sample.bytes, 1 << 30);
    assert_true(sample.share == 0);
    assert_true(sample.flag);
    assert_null(sample.count_text);
    assert_string_equal(sample.flag_text, "false");
}

static void test_null_keeps_the_default(void **state)
{
    (void)state;
    apply("text:\ncount: ~\nflag: null\nword:\nstring:\n");
    assert_int_equal(findings.count, 0);
    assert_string_equal(sample.text, "abc");
    assert_int_equal(sample.count, 7);
    assert_null(found[0]);
    apply("text: ''\n");
    assert_int_equal(findings.count, 0);
    assert_string_equal(sample.text, "abc");
}

#define REFUSED UINT64_MAX

/* A value as written, and what it comes to. */
struct row {
    const char *text;
    uint64_t value;
};

static void check_rows(const char *key, const struct row *rows, size_t count, uint64_t (*value)(void))
{
    for (size_t i = 0; i < count; i++) {
        struct strbuf yaml;
        strbuf_init(&yaml, 1024);
        strbuf_append_format(&yaml, "%s: %s\n", key, rows[i].text);
        apply(strbuf_text(&yaml));
        print_message("%s", strbuf_text(&yaml));
        strbuf_clear(&yaml);
        assert_int_equal(findings.count, rows[i].value == REFUSED);
        if (rows[i].value != REFUSED)
            assert_int_equal(value(), rows[i].value);
    }
}
#define CHECK_ROWS(key, rows, value) check_rows(key, rows, sizeof(rows) / sizeof(*(rows)), value)

static uint64_t wait_value(void)
{
    return sample.wait_ms;
}

static void test_durations(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"10", 10000},
        {"10s", 10000},
        {"500ms", 500},
        {"2m", 120000},
        {"1h", 3600000},
        {"1m30s", 90000},
        {"1.5s", 1500},
        {"0.25", 250},
        {"'5 s'", 5000},
        {"0", 0},
        {".5s", 500},
        {"2h", 7200000},
        {"7201", REFUSED},
        {"2h1ms", REFUSED},
        {"-1", REFUSED},
        {"1d", REFUSED},
        {"s", REFUSED},
        {"1.2.3s", REFUSED},
        {"1m30", REFUSED},
        {"1e3", REFUSED},
        {"10S", REFUSED},
        {"10sec", REFUSED},
        {"[1]", REFUSED},
        {"'1s '", REFUSED},
        {"99999999999999999999", REFUSED},
    };
    CHECK_ROWS("wait", rows, wait_value);
}

static uint64_t bytes_value(void)
{
    return sample.bytes;
}

static void test_sizes(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"0", 0},
        {"4096", 4096},
        {"128Mi", 128ull << 20},
        {"256M", 256000000},
        {"1Gi", 1 << 30},
        {"128m", 128ull << 20},
        {"1g", 1 << 30},
        {"512k", 512 << 10},
        {"64MB", 64000000},
        {"64MiB", 64ull << 20},
        {"1.5Gi", 3ull << 29},
        {"1Ti", 1ull << 40},
        {"10b", 10},
        {"'2 Gi'", 2ull << 30},
        {"1K", 1000},
        {"3mb", 3 << 20},
        {"1Miau", REFUSED},
        {"Mi", REFUSED},
        {"-1", REFUSED},
        {"2000Ti", REFUSED},
        {"1mi", REFUSED},
        {"1s", REFUSED},
        {"lots", REFUSED},
        {"{a: b}", REFUSED},
    };
    CHECK_ROWS("bytes", rows, bytes_value);
}

static uint64_t count_value(void)
{
    return sample.count;
}

static void test_integers(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"1", 1},          {"100", 100},      {"'50'", 50},
        {"+5", 5},         {"010", 10},       {"0", REFUSED},
        {"101", REFUSED},  {"-5", REFUSED},   {"1.0", REFUSED},
        {"0x10", REFUSED}, {"ten", REFUSED},  {"' 5'", REFUSED},
        {"5 5", REFUSED},  {"true", REFUSED}, {"99999999999999999999", REFUSED},
    };
    CHECK_ROWS("count", rows, count_value);
}

static uint64_t flag_value(void)
{
    return sample.flag;
}

static void test_booleans(void **state)
{
    (void)state;
    static const struct row rows[] = {{"true", 1}, {"False", 0}, {"yes", 1},     {"no", 0},
                                      {"on", 1},   {"OFF", 0},   {"1", REFUSED}, {"maybe", REFUSED}};
    CHECK_ROWS("flag", rows, flag_value);
}

static uint64_t share_value(void)
{
    return (uint64_t)(sample.share * 1000 + 1000.5);
}

static void test_decimals(void **state)
{
    (void)state;
    static const struct row rows[] = {{"0.5", 1500},    {"-1", 0},        {"1e-1", 1100},
                                      {".25", 1250},    {"1.1", REFUSED}, {"nan", REFUSED},
                                      {"inf", REFUSED}, {"0x1", REFUSED}, {"1e999", REFUSED},
                                      {"1,5", REFUSED}, {"'.'", REFUSED}};
    CHECK_ROWS("share", rows, share_value);
}

static uint64_t word_value(void)
{
    return sample.word;
}

static void test_words(void **state)
{
    (void)state;
    static const struct row rows[] = {{"red", 0}, {"blue", 2}, {"Red", REFUSED}, {"bleu", REFUSED}};
    CHECK_ROWS("word", rows, word_value);
    assert_string_equal(findings.items[0].message,
                        "\"word\" must be \"red\", \"green\" or \"blue\", not \"bleu\"");
    assert_string_equal(findings.items[0].hint, "did you mean \"blue\"?");
}

static uint64_t address_length(void)
{
    return strlen(sample.address);
}

static void test_addresses(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"127.0.0.1:80", 12}, {"localhost:0", 11},    {"'[::1]:65535'", 11}, {"'*:8080'", 6},
        {"8080", REFUSED},    {"':8080'", REFUSED},   {"a:65536", REFUSED},  {"'a:'", REFUSED},
        {"::1:80", REFUSED},  {"'a b:80'", REFUSED},  {"a:8x", REFUSED},     {"http://a:80", REFUSED},
        {"a:-1", REFUSED},    {"a:0000080", REFUSED},
    };
    CHECK_ROWS("address", rows, address_length);
}

static void test_texts(void **state)
{
    (void)state;
    apply("text: 2.10\nchoice: red\n");
    assert_string_equal(sample.text, "2.10");
    assert_string_equal(sample.choice, "red");
    apply("text: toolong\nchoice: pink\n");
    assert_int_equal(findings.count, 2);
    assert_string_equal(sample.text, "abc");
    assert_null(sample.choice);
    assert_string_equal(findings.items[0].hint, "from 2 to 5 bytes");
}

static void test_values_kept_as_text(void **state)
{
    (void)state;
    apply("count_text: +0012\nflag_text: Yes\nshare_text: 0.10\n");
    assert_int_equal(findings.count, 0);
    assert_string_equal(sample.count_text, "12");
    assert_string_equal(sample.flag_text, "true");
    assert_string_equal(sample.share_text, "0.10");
}

/* 0 is another value than none, in the file and as it is kept. */
static void test_zero_that_is_a_value(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes;
        bool is_null;
    } rows[] = {{"{}", SETTING_UNSET, true}, {"budget: 0", 0, false}, {"budget: 3Ki", 3072, false}};
    const struct setting_table budget = {.settings = &settings[COUNT - 1], .count = 1};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        apply(rows[i].text);
        assert_true(sample.budget_bytes == rows[i].bytes);
        json_t *kept = setting_to_json_all(&budget, &sample);
        const json_t *value = json_object_get(kept, "budget");
        assert_true(json_is_null(value) == rows[i].is_null);
        sample.budget_bytes = 1;
        assert_int_equal(setting_from_json(&settings[COUNT - 1], value, &sample), 0);
        assert_true(sample.budget_bytes == rows[i].bytes);
        json_decref(kept);
    }
}

/* The networks with commas between them, as they are written anew. */
static void check_networks(const char *expected)
{
    cleanup_strbuf struct strbuf list;
    strbuf_init(&list, 1024);
    for (size_t i = 0; i < sample.networks.count; i++) {
        char text[NETWORK_TEXT_MAX];
        network_format(&sample.networks.items[i], text);
        strbuf_append_format(&list, "%s%s", i > 0 ? ", " : "", text);
    }
    assert_string_equal(strbuf_text(&list), expected);
}

static void test_networks(void **state)
{
    (void)state;
    apply("{}");
    check_networks("127.0.0.0/8, ::1/128");
    apply("networks: [10.0.0.0/8, '2001:db8::/32', 192.0.2.1]\n");
    assert_int_equal(findings.count, 0);
    check_networks("10.0.0.0/8, 2001:db8::/32, 192.0.2.1/32");
    apply("networks: 10.0.0.0/8 ,192.0.2.1\n");
    assert_int_equal(findings.count, 0);
    check_networks("10.0.0.0/8, 192.0.2.1/32");
    apply("networks: []\n");
    assert_int_equal(findings.count, 0);
    check_networks("");
}

static void test_mistakes_in_networks(void **state)
{
    (void)state;
    apply("networks:\n- 10.0.0.0/8\n- proxy.example\n- 10.0.0.1/8\n- [one]\n");
    assert_int_equal(findings.count, 3);
    assert_string_equal(findings.items[0].message,
                        "\"networks\" must be a list of addresses and networks; \"proxy.example\" is none");
    assert_int_equal(findings.items[0].line, 3);
    assert_string_equal(findings.items[1].message, "\"networks\": \"10.0.0.1/8\" has bits behind its prefix");
    assert_string_equal(findings.items[1].hint,
                        "the network is 10.0.0.0/8; a single address goes without \"/\"");
    assert_int_equal(findings.items[1].line, 4);
    assert_int_equal(findings.items[2].line, 5);
    check_networks("127.0.0.0/8, ::1/128");
    static const char *const refused[] = {"networks: {a: b}\n", "networks: ''\n", "networks: 1.2.3.4,\n",
                                          "networks: [~]\n"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        apply(refused[i]);
        assert_int_equal(findings.count, 1);
        check_networks("127.0.0.0/8, ::1/128");
    }
}

static void test_too_many_networks(void **state)
{
    (void)state;
    cleanup_strbuf struct strbuf yaml;
    strbuf_init(&yaml, 65536);
    strbuf_append_text(&yaml, "networks: 10.0.0.0");
    for (int i = 1; i <= 256; i++)
        strbuf_append_format(&yaml, ", 10.0.%d.%d", i / 256, i % 256);
    apply(strbuf_text(&yaml));
    assert_int_equal(findings.count, 1);
    assert_string_equal(findings.items[0].message, "\"networks\" has 257 entries; at most 256 are possible");
}

static void check_said(const char *text, const char *message, const char *hint)
{
    apply(text);
    assert_int_equal(findings.count, 1);
    assert_string_equal(findings.items[0].message, message);
    if (hint)
        assert_string_equal(findings.items[0].hint, hint);
}

static void test_keys(void **state)
{
    (void)state;
    check_said("cuont: 1\n", "unknown key \"cuont\" in the sample", "did you mean \"count\"?");
    check_said("strin: 1\n", "unknown key \"strin\" in the sample", "did you mean \"string\"?");
    check_said("elsewhere: 1\n", "unknown key \"elsewhere\" in the sample", "one floor up");
    check_said("zzzzzz: 1\n", "unknown key \"zzzzzz\" in the sample",
               "possible here: text, address, choice, count, wait, small, word, bytes, share, flag, map, "
               "count_text, "
               "flag_text, share_text, networks, budget");
    check_said("count: 1\ncount: 2\n", "duplicate key \"count\", first on line 1", NULL);
    assert_int_equal(sample.count, 1);
    check_said("string: ab\ntxt: cd\n", "\"txt\" is set twice: another spelling of it stands on line 1",
               NULL);
    assert_string_equal(sample.text, "ab");
    check_said("? [a]\n: 1\n", "a key must be a word, not a list", NULL);
    check_said("count: {a: 1}\n", "\"count\" must be a whole number, not a mapping", NULL);
    check_said("map: 1\n", "\"map\" must be a mapping, not \"1\"", NULL);
    check_said("wait: 3h\n", "\"wait\" is out of range: \"3h\" is too large", "from 0 to 2h");
}

/* A key without a value asks for nothing, so it may belong to somebody else; a slip of the pen it may not be.
 */
static void test_empty_keys(void **state)
{
    (void)state;
    apply("zzzzzz: ''\nyyyyyy: []\nxxxxxx: {}\nwwwwww:\n");
    assert_int_equal(findings.count, 0);
    apply("cuont: ''\nelsewhere: ''\nzzzzzz: 0\n");
    assert_int_equal(findings.count, 3);
    apply("count: ''\nwait: ''\nbytes: ''\nshare: ''\nflag: ''\nword: ''\nmap: ''\ntext: []\n");
    assert_int_equal(findings.count, 0);
    assert_int_equal(sample.count, 7);
    assert_int_equal(sample.wait_ms, 60000);
    assert_string_equal(sample.text, "abc");
}

static void test_unknown_keys_of_somebody_else(void **state)
{
    (void)state;
    apply_as("zzzzzz: 1\ncuont: 1\nelsewhere: 1\n", UNKNOWN_IF_NEAR_IS_ERROR);
    assert_int_equal(findings.count, 2);
    apply_as("zzzzzz: 1\ncuont: 1\nelsewhere: 1\ncount: none\n", UNKNOWN_IS_IGNORED);
    assert_int_equal(findings.count, 1);
    assert_string_equal(findings.items[0].message, "\"count\" must be a whole number, not \"none\"");
}

/* A user's words in messages are short and printable. */
static void test_quoted_words(void **state)
{
    (void)state;
    char text[400];
    memcpy(text, "\"a\\n", 5);
    memset(text + 4, 'x', 300);
    memcpy(text + 304, "\": 1\n", 6);
    apply(text);
    assert_int_equal(findings.count, 1);
    assert_true(strlen(findings.items[0].message) < 120);
    assert_memory_equal(findings.items[0].message, "unknown key \"a?xxx", 18);
    assert_string_equal(quote("short").text, "short");
}

static void check_description(size_t index, const char *expected)
{
    struct strbuf out;
    strbuf_init(&out, 1024);
    setting_describe(&settings[index], &out);
    assert_string_equal(strbuf_text(&out), expected);
    strbuf_clear(&out);
}

static void test_descriptions(void **state)
{
    (void)state;
    check_description(0, "- `text`, also `string`, `txt` (text; default abc):\n  A text.\n");
    check_description(2, "- `choice` (\"red\", \"green\" or \"blue\"; unless set: any):\n  A choice.\n");
    check_description(4, "- `wait` (duration, 0 to 2h; default 1m):\n  A time.\n");
    check_description(5, "- `small` (size, 0 to 2Gi):\n  Bytes.\n");
    check_description(8, "- `share` (number, -1 to 1):\n  A share.\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_null_keeps_the_default),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_booleans),
        cmocka_unit_test(test_decimals),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_values_kept_as_text),
        cmocka_unit_test(test_zero_that_is_a_value),
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_mistakes_in_networks),
        cmocka_unit_test(test_too_many_networks),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_empty_keys),
        cmocka_unit_test(test_unknown_keys_of_somebody_else),
        cmocka_unit_test(test_quoted_words),
        cmocka_unit_test(test_descriptions),
    };
    return cmocka_run_group_tests(tests, NULL, clear);
}
