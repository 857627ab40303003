/* Bytes that become lines, however they are cut: each once, in order, long ones in pieces. */
#include "fleet/output/output_splitter.h"

#include "base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Pieces as text: "[line]", with '(' and ')' where one does not begin or end with its line. */
static void note_piece(void *owner, const struct output_piece *piece)
{
    struct strbuf *seen = owner;
    assert_true(piece->length <= OUTPUT_LINE_MAX);
    strbuf_append_text(seen, piece->begins ? "[" : "(");
    if (piece->length > 100)
        strbuf_append_format(seen, "%zu%c", piece->length, piece->text[piece->length - 1]);
    else
        strbuf_append(seen, piece->text, piece->length);
    strbuf_append_text(seen, piece->ends ? "]" : ")");
}

static void assert_seen(struct strbuf *seen, const char *expected)
{
    assert_string_equal(strbuf_text(seen), expected);
    strbuf_reset(seen);
}

static void lines_come_out_however_cut(void **state)
{
    (void)state;
    static const char text[] = "one\n\ntwo three\nfour\n";
    for (size_t cut = 1; cut < sizeof(text); cut++) {
        cleanup_strbuf struct strbuf seen;
        strbuf_init(&seen, 4096);
        struct output_splitter splitter;
        output_splitter_init(&splitter, note_piece, &seen);
        size_t lines = 0;
        for (size_t at = 0; at < sizeof(text) - 1; at += cut) {
            size_t left = sizeof(text) - 1 - at;
            lines += output_splitter_feed(&splitter, text + at, left < cut ? left : cut);
        }
        assert_int_equal(lines, 4);
        assert_false(output_splitter_holds(&splitter));
        assert_seen(&seen, "[one][][two three][four]");
        output_splitter_clear(&splitter);
    }
}

static void a_flushed_line_goes_on(void **state)
{
    (void)state;
    cleanup_strbuf struct strbuf seen;
    strbuf_init(&seen, 4096);
    struct output_splitter splitter;
    output_splitter_init(&splitter, note_piece, &seen);
    output_splitter_flush(&splitter);
    assert_seen(&seen, "");
    assert_int_equal(output_splitter_feed(&splitter, "half", 4), 0);
    assert_true(output_splitter_holds(&splitter));
    output_splitter_flush(&splitter);
    output_splitter_flush(&splitter);
    assert_seen(&seen, "[half)");
    output_splitter_feed(&splitter, " and\nnew", 8);
    output_splitter_flush(&splitter);
    assert_seen(&seen, "( and][new)");
    output_splitter_feed(&splitter, "\nlast\n", 6);
    assert_seen(&seen, "(][last]");
    output_splitter_clear(&splitter);
}

/* A line of the longest length is whole; one byte more makes a second piece, in whatever steps it comes. */
static void long_lines_come_in_pieces(void **state)
{
    (void)state;
    static char text[2 * OUTPUT_LINE_MAX + 2];
    memset(text, 'x', sizeof(text));
    for (size_t step = 1000; step < sizeof(text); step *= 7) {
        cleanup_strbuf struct strbuf seen;
        strbuf_init(&seen, 4096);
        struct output_splitter splitter;
        output_splitter_init(&splitter, note_piece, &seen);
        static const struct {
            size_t length;
            const char *seen;
        } cases[] = {
            {OUTPUT_LINE_MAX, "[65536x]"},
            {OUTPUT_LINE_MAX + 1, "[65536x)(x]"},
            {2 * OUTPUT_LINE_MAX + 1, "[65536x)(65536x)(x]"},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            for (size_t at = 0, part; at < cases[i].length; at += part) {
                part = cases[i].length - at < step ? cases[i].length - at : step;
                output_splitter_feed(&splitter, text + at, part);
            }
            output_splitter_feed(&splitter, "\n", 1);
            assert_seen(&seen, cases[i].seen);
        }
        output_splitter_clear(&splitter);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_out_however_cut),
        cmocka_unit_test(a_flushed_line_goes_on),
        cmocka_unit_test(long_lines_come_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
