/* Sizes and durations for people. */
#ifndef CLI_QUANTITY_H
#define CLI_QUANTITY_H

#include <stddef.h>

/* As the registry has them: "256Mi", "1500ms", "60s", in the largest unit that it is a whole number of. */
void quantity_of_bytes(unsigned long long bytes, char *buffer, size_t size);
void quantity_of_ms(unsigned long long ms, char *buffer, size_t size);

/* What was measured, to two digits or three: "512 B", "1.2 MiB", "340 MiB". */
void quantity_measured(unsigned long long bytes, char *buffer, size_t size);

#endif
