/*
 * From libyaml's marks to places in the file. libyaml counts characters, and takes more characters for line
 * ends than editors do; people and tools want lines and byte columns.
 */
#ifndef CONFIG_YAML_POSITION_H
#define CONFIG_YAML_POSITION_H

#include "config/reporter.h"

#include <stddef.h>

/* Walks along the text; places asked for in rising order cost one pass in all. Borrows the text, which has no
 * byte order mark. */
struct yaml_position {
    const char *text;
    size_t size;
    size_t index; /* characters before the cursor */
    size_t offset; /* bytes before the cursor */
    size_t line; /* line ends before the cursor */
    size_t line_index, line_offset; /* where this line begins */
};

void yaml_position_init(struct yaml_position *cursor, const char *text, size_t size);

/* The place of the character number `index` (from 0). */
struct position yaml_position_of(struct yaml_position *cursor, size_t index);

/* The place of the byte number `offset` (from 0). */
struct position yaml_position_of_byte(const char *text, size_t size, size_t offset);

#endif
