/* Questions of functions for names, and answers to them. */
#include "firewall/dns_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Asks for A records of Api.example with recursion. */
static const char question_bytes[] = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03"
                                     "Api\x07"
                                     "example\x00\x00\x01\x00\x01";
#define QUESTION_SIZE (sizeof(question_bytes) - 1)

static void test_a_question_is_read(void **state)
{
    (void)state;
    struct dns_question question;
    assert_true(dns_question_parse(question_bytes, QUESTION_SIZE, &question));
    assert_string_equal(question.name, "api.example");
    assert_int_equal(question.kind, DNS_NARROW);
    assert_int_equal(question.id, 0x1234);
    assert_true(question.is_recursive);
    assert_int_equal(question.size, QUESTION_SIZE - 12);
}

static void test_whatever_is_cut_off_is_no_question(void **state)
{
    (void)state;
    struct dns_question question;
    for (size_t size = 0; size < QUESTION_SIZE; size++)
        assert_false(dns_question_parse(question_bytes, size, &question));
}

static bool parse_with(size_t at, char byte, struct dns_question *question)
{
    char bytes[QUESTION_SIZE];
    memcpy(bytes, question_bytes, sizeof(bytes));
    bytes[at] = byte;
    return dns_question_parse(bytes, sizeof(bytes), question);
}

static void test_answers_other_operations_and_pointers_are_no_questions(void **state)
{
    (void)state;
    struct dns_question question;
    assert_false(parse_with(2, (char)0x81, &question));
    assert_false(parse_with(2, 0x29, &question)); /* an update */
    assert_false(parse_with(5, 2, &question));
    assert_false(parse_with(12, (char)0xc0, &question));
}

static void test_a_name_that_no_list_can_have_is_none(void **state)
{
    (void)state;
    struct dns_question question;
    assert_true(parse_with(14, '.', &question));
    assert_string_equal(question.name, "");
    assert_true(parse_with(14, '\0', &question));
    assert_string_equal(question.name, "");
    assert_true(parse_with(QUESTION_SIZE - 1, 3, &question)); /* of another class */
    assert_string_equal(question.name, "");
    assert_true(parse_with(QUESTION_SIZE - 3, 16, &question)); /* texts */
    assert_int_equal(question.kind, DNS_OTHER);
}

static void test_an_answer_repeats_the_question_and_has_its_addresses(void **state)
{
    (void)state;
    static const char expected[] = "\x12\x34\x85\x80\x00\x01\x00\x01\x00\x00\x00\x00\x03"
                                   "Api\x07"
                                   "example\x00\x00\x01\x00\x01"
                                   "\xc0\x0c\x00\x01\x00\x01\x00\x00\x01\x2c\x00\x04\xc0\x00\x02\x01";
    struct dns_question question;
    struct ip_address address;
    uint8_t bytes[DNS_MESSAGE_MAX];
    assert_true(ip_address_parse("192.0.2.1", 9, &address));
    assert_true(dns_question_parse(question_bytes, QUESTION_SIZE, &question));
    assert_int_equal(dns_answer_write(&question, DNS_FINE, &address, 1, 300, bytes), sizeof(expected) - 1);
    assert_memory_equal(bytes, expected, sizeof(expected) - 1);
    assert_int_equal(dns_answer_write(&question, DNS_NO_NAME, NULL, 0, 0, bytes), QUESTION_SIZE);
    assert_int_equal(bytes[3] & 15, DNS_NO_NAME);
}

static void test_the_longest_answer_fits(void **state)
{
    (void)state;
    struct dns_question question = {.kind = DNS_WIDE, .size = DNS_QUESTION_MAX};
    struct ip_address addresses[20] = {0};
    uint8_t bytes[DNS_MESSAGE_MAX];
    size_t size = dns_answer_write(&question, DNS_FINE, addresses, 20, 1, bytes);
    assert_int_equal(size, 12 + DNS_QUESTION_MAX + DNS_ANSWERS_MAX * 28);
    assert_int_equal(bytes[7], DNS_ANSWERS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_question_is_read),
        cmocka_unit_test(test_whatever_is_cut_off_is_no_question),
        cmocka_unit_test(test_answers_other_operations_and_pointers_are_no_questions),
        cmocka_unit_test(test_a_name_that_no_list_can_have_is_none),
        cmocka_unit_test(test_an_answer_repeats_the_question_and_has_its_addresses),
        cmocka_unit_test(test_the_longest_answer_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
