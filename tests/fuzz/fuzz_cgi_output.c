/* The header block of a script's output. */
#include "cgi_output.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cgi_head head, early;
    char *text = malloc(size);
    if (size > 0)
        memcpy(text, data, size);
    enum cgi_verdict verdict = cgi_output_parse(text, size, true, &head);
    if ((verdict != CGI_BODY && verdict != CGI_HEAD) || head.size > size || head.status < 200 ||
        head.status > 599)
        abort();
    for (size_t i = 0; i < head.count; i++)
        if (head.headers[i].value < text ||
            head.headers[i].value + head.headers[i].value_length > text + head.size)
            abort();
    enum cgi_verdict sooner = cgi_output_parse(text, size / 2, false, &early);
    if (sooner != CGI_UNDECIDED && sooner != CGI_HEAD_BEGUN && sooner != verdict)
        abort();
    free(text);
    return 0;
}
