/* What a shared object lets others use, of files made here. */
#include "plugin_test/elf_exports.h"

#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NAMES "\0entry\0shown\0needed\0hidden"

struct file {
    Elf64_Ehdr head;
    Elf64_Shdr sections[3];
    Elf64_Sym symbols[5];
    char names[sizeof(NAMES)];
};

static Elf64_Sym symbol(uint32_t name, unsigned binding, unsigned visibility, uint16_t section)
{
    return (Elf64_Sym){.st_name = name,
                       .st_info = ELF64_ST_INFO(binding, STT_FUNC),
                       .st_other = (unsigned char)visibility,
                       .st_shndx = section};
}

static struct file make_file(void)
{
    struct file file = {.names = NAMES};
    memcpy(file.head.e_ident, ELFMAG, SELFMAG);
    file.head.e_ident[EI_CLASS] = ELFCLASS64;
    file.head.e_shoff = offsetof(struct file, sections);
    file.head.e_shentsize = sizeof(Elf64_Shdr);
    file.head.e_shnum = 3;
    file.sections[1] = (Elf64_Shdr){.sh_type = SHT_DYNSYM,
                                    .sh_offset = offsetof(struct file, symbols),
                                    .sh_size = sizeof(file.symbols),
                                    .sh_link = 2};
    file.sections[2] = (Elf64_Shdr){
        .sh_type = SHT_STRTAB, .sh_offset = offsetof(struct file, names), .sh_size = sizeof(file.names)};
    file.symbols[1] = symbol(1, STB_GLOBAL, STV_DEFAULT, 1);
    file.symbols[2] = symbol(7, STB_WEAK, STV_PROTECTED, 1);
    file.symbols[3] = symbol(13, STB_GLOBAL, STV_DEFAULT, SHN_UNDEF);
    file.symbols[4] = symbol(20, STB_GLOBAL, STV_HIDDEN, 1);
    return file;
}

static void on_export(void *context, const char *name)
{
    char *text = context;
    size_t length = strlen(text);
    snprintf(text + length, 256 - length, "%s ", name);
}

static int read_exports(const void *bytes, size_t size, char text[256])
{
    text[0] = '\0';
    return elf_exports_each(bytes, size, on_export, text);
}

static void what_is_for_others_is_named(void **state)
{
    const struct file file = make_file();
    char text[256];
    (void)state;
    assert_int_equal(read_exports(&file, sizeof(file), text), 0);
    assert_string_equal(text, "entry shown ");
}

static void a_file_that_is_cut_is_refused(void **state)
{
    const struct file file = make_file();
    char text[256];
    (void)state;
    for (size_t size = 0; size < offsetof(struct file, names) + sizeof(file.names); size++)
        assert_int_equal(read_exports(&file, size, text), -1);
}

static void a_file_that_contradicts_itself_is_refused(void **state)
{
    char text[256];
    (void)state;
    struct file file = make_file();
    file.sections[1].sh_link = 9;
    assert_int_equal(read_exports(&file, sizeof(file), text), -1);
    file = make_file();
    file.symbols[1].st_name = sizeof(NAMES);
    assert_int_equal(read_exports(&file, sizeof(file), text), -1);
    file = make_file();
    file.sections[2].sh_size = UINT64_MAX;
    assert_int_equal(read_exports(&file, sizeof(file), text), -1);
    file = make_file();
    file.sections[1].sh_type = SHT_SYMTAB;
    assert_int_equal(read_exports(&file, sizeof(file), text), -1);
    file = make_file();
    file.names[sizeof(file.names) - 1] = 'x';
    assert_int_equal(read_exports(&file, sizeof(file), text), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_for_others_is_named),
        cmocka_unit_test(a_file_that_is_cut_is_refused),
        cmocka_unit_test(a_file_that_contradicts_itself_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
