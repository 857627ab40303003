/* What a shared object lets others use, read from its file without loading it. */
#ifndef PLUGIN_TEST_ELF_EXPORTS_H
#define PLUGIN_TEST_ELF_EXPORTS_H

#include <stddef.h>

/* Told of each name, in the order of the file. */
typedef void elf_export_fn(void *context, const char *name);

/* Names the symbols that the 64-bit ELF file in memory defines for others. Any bytes may be there: -1 when
 * they are no such file, or one that is cut or contradicts itself. Names told until then count nothing. */
int elf_exports_each(const void *bytes, size_t size, elf_export_fn *each, void *context);

#endif
