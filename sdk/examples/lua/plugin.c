/* Lua for Berth. What there is to say in C is this table; the rest is check/, builder/ and image/. */
#include <berth/language.h>

static const struct berth_option options[] = {
    {
        .name = "debug",
        .type = BERTH_OPTION_BOOLEAN,
        .default_value = "false",
        .help = "Show the traceback of an error in the answer.",
    },
};

const struct berth_language berth_language = {
    .name = "lua",
    .version = "1.0",
    .aliases = (const char *const[]){"lua5.3", NULL},
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),

    .file = "handler.lua",
    .suffix = ".lua",
    .sample = "-- Called for each request. Returns the answer's body, and after it, if need be, a status and "
              "headers.\n"
              "return function(request)\n"
              "    return \"Hello from \" .. request.path .. \"\\n\"\n"
              "end\n",

    .check = (const char *const[]){"lua5.3", "@/check/check.lua", NULL},
    .install = (const char *const[]){"/opt/berth/install", NULL},
    .reads = (const char *const[]){"*.rockspec", "luarocks.lock", "rocks", "src", NULL},
    .run = (const char *const[]){"/usr/bin/lua5.3", "/opt/berth/runner/main.lua", NULL},
    .concurrency = 4,
};
