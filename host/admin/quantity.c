#include "admin/quantity.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *suffix;
    double factor;
} suffixes[] = {{"", 1},
                {"m", 1e-3},
                {"k", 1e3},
                {"K", 1e3},
                {"M", 1e6},
                {"G", 1e9},
                {"T", 1e12},
                {"Ki", 1024.0},
                {"Mi", 1048576.0},
                {"Gi", 1073741824.0},
                {"Ti", 1099511627776.0}};

int quantity_read(const char *text, double *ret_number)
{
    size_t digits = strspn(text, "0123456789.");
    char *end;
    double number = strtod(text, &end);
    if (digits == 0 || end != text + digits)
        return -1;
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
        if (strcmp(suffixes[i].suffix, end) == 0) {
            *ret_number = number * suffixes[i].factor;
            return 0;
        }
    }
    return -1;
}
