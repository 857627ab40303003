#include "admin/admin_handlers.h"

/* The description as it stands in the tree, between two symbols. OPENAPI_FILE is its path. */
__asm__(".pushsection .rodata\n"
        "openapi_begin: .incbin \"" OPENAPI_FILE "\"\n"
        "openapi_end:\n"
        ".popsection\n");
extern const char openapi_begin[], openapi_end[];

void get_openapi(struct admin_call *call)
{
    admin_call_send(call, HTTP_OK, "application/json", openapi_begin, (size_t)(openapi_end - openapi_begin));
}
