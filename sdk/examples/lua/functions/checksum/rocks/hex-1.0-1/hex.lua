-- Numbers as people read them.
local hex = { VERSION = "hex 1.0" }

function hex.text(number)
    return ("%08x"):format(number)
end

return hex
