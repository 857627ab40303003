-- The CRC-32 of the request's body: computed by a module in C, which is built from src/, and shown by a rock, whose version
-- luarocks.lock says.
local crc32 = require "crc32"
local hex = require "hex"

return function(request)
    local sum = crc32.start()
    for piece in request:pieces() do
        sum = crc32.add(sum, piece)
    end
    return { crc32 = hex.text(sum), shown_by = hex.VERSION }
end
