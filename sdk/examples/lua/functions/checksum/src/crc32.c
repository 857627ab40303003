/* crc32.start() begins a sum, crc32.add(sum, text) goes on with it. */
#include <lauxlib.h>
#include <stdint.h>

#define POLYNOMIAL 0xedb88320u

static int start(lua_State *state)
{
    lua_pushinteger(state, 0);
    return 1;
}

static int add(lua_State *state)
{
    uint32_t sum = ~(uint32_t)luaL_checkinteger(state, 1);
    size_t size;
    const char *bytes = luaL_checklstring(state, 2, &size);
    for (size_t i = 0; i < size; i++) {
        sum ^= (unsigned char)bytes[i];
        for (int bit = 0; bit < 8; bit++)
            sum = sum >> 1 ^ (sum & 1 ? POLYNOMIAL : 0);
    }
    lua_pushinteger(state, (lua_Integer)(uint32_t)~sum);
    return 1;
}

int luaopen_crc32(lua_State *state)
{
    static const luaL_Reg functions[] = {{"start", start}, {"add", add}, {NULL, NULL}};
    luaL_newlib(state, functions);
    return 1;
}
