/*
 * Borrowed bytes: a pointer and a length, not ended by NUL. Nothing here owns or changes what it points to.
 */
#ifndef HTTP_TEXT_H
#define HTTP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct http_text {
    const char *data;
    size_t length;
};

/* A part of a buffer, as an offset from its first byte, so that the buffer may move. */
struct http_span {
    uint32_t offset;
    uint32_t length;
};

/* The view of a string literal. */
#define HTTP_TEXT(literal) ((struct http_text){"" literal, sizeof(literal) - 1})

static inline struct http_text http_text_make(const char *data, size_t length)
{
    return (struct http_text){data, length};
}

static inline bool http_text_equal(struct http_text a, struct http_text b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

/* Equal when ASCII letters are compared without regard to case. */
bool http_text_equal_nocase(struct http_text a, struct http_text b);

/* Without the spaces and tabs around it. */
struct http_text http_text_trim(struct http_text text);

static inline bool http_char_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool http_char_is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* True for the white space that may stand around values. */
static inline bool http_char_is_space(char c)
{
    return c == ' ' || c == '\t';
}

/* True for what may stand in no value. */
static inline bool http_char_is_control(char c)
{
    return ((unsigned char)c < ' ' && c != '\t') || c == 0x7f;
}

/* True for the characters of methods and header names (RFC 9110, 5.6.2). */
bool http_char_is_token(char c);

/* The first line, without its LF; all of the text when no line ends in it. */
struct http_text http_text_first_line(struct http_text text);

/* Takes the next member off a comma-separated list, trimmed of spaces and tabs, skipping empty members. False
 * when the list is used up. */
bool http_text_next_member(struct http_text *list, struct http_text *ret_member);

#endif
