rockspec_format = "3.0"
package = "checksum"
version = "1.0-1"
source = { url = "." }
dependencies = { "lua >= 5.3", "hex >= 1.0" }
build = {
    type = "builtin",
    modules = { crc32 = "src/crc32.c" },
}
