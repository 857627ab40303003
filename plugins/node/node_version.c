#include "node_version.h"

#include <stdio.h>
#include <string.h>

#define RELEASE "/usr/lib/os-release"

/* Of what is none of these nothing is known: then it is the first. */
static const struct {
    const char *base;
    const char *line;
    const char *version;
} releases[] = {
    {"bookworm", "VERSION_ID=\"12\"\n", "18.20.4"},
    {"trixie", "VERSION_ID=\"13\"\n", "20.19.2"},
};

#define RELEASE_COUNT (sizeof(releases) / sizeof(releases[0]))

static const char *own_version(void)
{
    const char *version = releases[0].version;
    char line[256];
    FILE *file = fopen(RELEASE, "re");
    while (file && fgets(line, sizeof(line), file))
        for (size_t i = 0; i < RELEASE_COUNT; i++)
            if (strcmp(line, releases[i].line) == 0)
                version = releases[i].version;
    if (file)
        fclose(file);
    return version;
}

const char *node_version(const char *base)
{
    for (size_t i = 0; base && i < RELEASE_COUNT; i++)
        if (strcmp(base, releases[i].base) == 0)
            return releases[i].version;
    return own_version();
}
