#include "config/yaml_position.h"

void yaml_position_init(struct yaml_position *cursor, const char *text, size_t size)
{
    *cursor = (struct yaml_position){.text = text, .size = size};
}

static size_t character_width(unsigned char first)
{
    if (first < 0xc0)
        return 1;
    return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

struct position yaml_position_of(struct yaml_position *cursor, size_t index)
{
    if (index < cursor->line_index)
        yaml_position_init(cursor, cursor->text, cursor->size);
    if (index < cursor->index) {
        cursor->index = cursor->line_index;
        cursor->offset = cursor->line_offset;
    }
    while (cursor->index < index && cursor->offset < cursor->size) {
        unsigned char c = (unsigned char)cursor->text[cursor->offset];
        cursor->offset += character_width(c);
        cursor->index++;
        if (c == '\n') {
            cursor->line++;
            cursor->line_index = cursor->index;
            cursor->line_offset = cursor->offset;
        }
    }
    return (struct position){(unsigned)cursor->line + 1,
                             (unsigned)(cursor->offset - cursor->line_offset) + 1};
}

struct position yaml_position_of_byte(const char *text, size_t size, size_t offset)
{
    struct position at = {1, 1};
    for (size_t i = 0; i < offset && i < size; i++) {
        at.column++;
        if (text[i] == '\n')
            at = (struct position){at.line + 1, 1};
    }
    return at;
}
