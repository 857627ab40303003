#include "plugin_test/elf_exports.h"

#include <elf.h>
#include <stdint.h>
#include <string.h>

struct image {
    const char *bytes;
    size_t size;
};

/* What is at `offset`; NULL when it does not all lie in the file. */
static const char *part(const struct image *image, uint64_t offset, uint64_t size)
{
    return offset > image->size || size > image->size - offset ? NULL : image->bytes + offset;
}

/* The section with this number; -1: there is none. Nothing in a file need lie as memory wants it. */
static int read_section(const struct image *image, const Elf64_Ehdr *head, uint64_t number,
                        Elf64_Shdr *ret_section)
{
    if (number >= head->e_shnum || head->e_shentsize != sizeof(*ret_section))
        return -1;
    const char *at = part(image, head->e_shoff, (number + 1) * sizeof(*ret_section));
    if (!at)
        return -1;
    memcpy(ret_section, at + number * sizeof(*ret_section), sizeof(*ret_section));
    return 0;
}

static int is_for_others(const Elf64_Sym *symbol)
{
    unsigned binding = ELF64_ST_BIND(symbol->st_info), visibility = ELF64_ST_VISIBILITY(symbol->st_other);
    return symbol->st_shndx != SHN_UNDEF && binding != STB_LOCAL &&
           (visibility == STV_DEFAULT || visibility == STV_PROTECTED);
}

static int each_symbol(const struct image *image, const Elf64_Shdr *table, const Elf64_Shdr *names,
                       elf_export_fn *each, void *context)
{
    const char *text = part(image, names->sh_offset, names->sh_size);
    const char *at = part(image, table->sh_offset, table->sh_size);
    if (!text || !at || names->sh_size == 0 || text[names->sh_size - 1] != '\0')
        return -1;
    for (uint64_t i = 0; i < table->sh_size / sizeof(Elf64_Sym); i++) {
        Elf64_Sym symbol;
        memcpy(&symbol, at + i * sizeof(symbol), sizeof(symbol));
        if (symbol.st_name >= names->sh_size)
            return -1;
        if (is_for_others(&symbol))
            each(context, text + symbol.st_name);
    }
    return 0;
}

int elf_exports_each(const void *bytes, size_t size, elf_export_fn *each, void *context)
{
    const struct image image = {bytes, size};
    Elf64_Ehdr head;
    Elf64_Shdr table, names;
    if (size < sizeof(head))
        return -1;
    memcpy(&head, bytes, sizeof(head));
    if (memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_ident[EI_CLASS] != ELFCLASS64)
        return -1;
    for (uint64_t i = 0; read_section(&image, &head, i, &table) == 0; i++) {
        if (table.sh_type != SHT_DYNSYM)
            continue;
        return read_section(&image, &head, table.sh_link, &names) < 0
                   ? -1
                   : each_symbol(&image, &table, &names, each, context);
    }
    return -1;
}
