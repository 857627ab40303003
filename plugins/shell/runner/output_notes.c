#include "output_notes.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define NAMES_MAX 400

/* The names of the headers, the first ones when there are many. */
static void list_names(const struct cgi_head *head, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < head->count; i++) {
        const struct berth_header *header = &head->headers[i];
        if (used + header->name_length + 3 > size)
            return;
        int length = snprintf(text + used, size - used, "%s%.*s", used > 0 ? ", " : "",
                              (int)header->name_length, header->name);
        used += (size_t)length;
    }
}

void note_output(const struct function *function, enum cgi_verdict verdict, const struct cgi_head *head)
{
    static atomic_flag has_told_head = ATOMIC_FLAG_INIT, has_told_doubt = ATOMIC_FLAG_INIT;
    if (verdict == CGI_HEAD && !atomic_flag_test_and_set(&has_told_head)) {
        char names[NAMES_MAX];
        list_names(head, names, sizeof(names));
        fprintf(stderr, "shell-runner: the first lines of the output of %s are its headers: status %d%s%s\n",
                function->file, head->status, names[0] ? ", " : "", names);
    }
    if (verdict == CGI_BODY && head->is_doubtful && !atomic_flag_test_and_set(&has_told_doubt))
        fprintf(stderr,
                "shell-runner: the output of %s begins like headers and is sent as text: line %zu is no "
                "header, or "
                "no empty line follows\n",
                function->file, head->lines);
}
