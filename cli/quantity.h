/* Sizes and durations as the registry has them: "256Mi", "1500ms", "60s". */
#ifndef CLI_QUANTITY_H
#define CLI_QUANTITY_H

#include <stddef.h>

/* In the largest unit that it is a whole number of. */
void quantity_of_bytes(unsigned long long bytes, char *buffer, size_t size);
void quantity_of_ms(unsigned long long ms, char *buffer, size_t size);

#endif
