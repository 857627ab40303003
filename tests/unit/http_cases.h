/*
 * Reads tests/data/http/requests.txt, whose head explains its form. Header only, for one test program.
 */
#ifndef TESTS_HTTP_CASES_H
#define TESTS_HTTP_CASES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HTTP_CASE_BYTES 32768

struct http_case {
    char name[64];
    char input[HTTP_CASE_BYTES];
    size_t input_size;
    char outcome[128];
    char forwarded[HTTP_CASE_BYTES];
    size_t forwarded_size;
};

static int http_case_hex(char c)
{
    return c >= 'a' ? c - 'a' + 10 : c - '0';
}

/* Undoes the escapes of `text` and returns how many bytes that gives. */
static size_t http_case_unescape(const char *text, char *ret_bytes)
{
    size_t size = 0;
    while (*text != '\0') {
        char c = *text++;
        if (c == '\\') {
            c = *text++;
            if (c == 'x') {
                c = (char)(http_case_hex(text[0]) * 16 + http_case_hex(text[1]));
                text += 2;
            } else {
                c = c == 'r' ? '\r' : c == 'n' ? '\n' : c == 't' ? '\t' : c == '0' ? '\0' : c;
            }
        }
        ret_bytes[size++] = c;
    }
    return size;
}

/* Appends what a line behind its mark says: " text" or "* N text". */
static void http_case_append(const char *line, char *bytes, size_t *size)
{
    char piece[1024];
    long count = 1;
    if (*line == '*') {
        char *end;
        count = strtol(line + 1, &end, 10);
        line = end;
    }
    size_t piece_size = http_case_unescape(line + 1, piece);
    for (long i = 0; i < count; i++) {
        memcpy(bytes + *size, piece, piece_size);
        *size += piece_size;
    }
}

/* Reads the next case; 0 at the end of the file. */
static int http_case_next(FILE *file, struct http_case *ret_case)
{
    char line[1024];
    long begin = ftell(file);
    int found = 0;
    *ret_case = (struct http_case){.name = ""};
    while (fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "== ", 3) == 0 && found++) {
            fseek(file, begin, SEEK_SET);
            return 1;
        }
        if (strncmp(line, "== ", 3) == 0) {
            snprintf(ret_case->name, sizeof(ret_case->name), "%.60s", line + 3);
        } else if (line[0] == '=') {
            snprintf(ret_case->outcome, sizeof(ret_case->outcome), "%.120s", line + 2);
        } else if (line[0] == '>') {
            http_case_append(line + 1, ret_case->input, &ret_case->input_size);
        } else if (line[0] == '<') {
            http_case_append(line + 1, ret_case->forwarded, &ret_case->forwarded_size);
        }
        begin = ftell(file);
    }
    return found;
}

#endif
