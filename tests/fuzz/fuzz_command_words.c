/* A command line as words: they lie in the text, one behind the other. */
#include "words.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *words[WORDS_MAX + 1];
    char *text = malloc(size + 1);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    if (words_split(text, words) == WORDS_GOOD) {
        const char *next = text;
        for (const char **word = words; *word; word++) {
            if (*word < next || *word + strlen(*word) > text + size)
                abort();
            next = *word + strlen(*word) + 1;
        }
    }
    free(text);
    return 0;
}
