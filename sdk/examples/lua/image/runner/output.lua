-- Standard output and standard error of a function: whole lines, each marked with the request it belongs to.
local unistd = require "posix.unistd"

local RS = "\x1e"
local HELD_BYTES = 65536 -- of a line that does not end

local output = { request_id = "" }

local stream = {}
stream.__index = stream

local function write_line(self, line, ending)
    local mark = output.request_id ~= "" and RS .. output.request_id .. RS or ""
    local bytes = mark .. line .. ending .. "\n"
    while bytes ~= "" do
        local count = unistd.write(self.fd, bytes)
        if not count then return end
        bytes = bytes:sub(count + 1)
    end
end

function stream:write(...)
    for index = 1, select("#", ...) do
        self.held = self.held .. tostring((select(index, ...)))
    end
    for line in self.held:gmatch("([^\n]*)\n") do write_line(self, line, "") end
    self.held = self.held:match("[^\n]*$")
    if #self.held > HELD_BYTES then self:flush() end
    return self
end

-- A line that has not ended goes on in the next one.
function stream:flush()
    if self.held ~= "" then write_line(self, self.held, RS) end
    self.held = ""
    return self
end

function stream:setvbuf() return true end
function stream:close() return nil, "the function's log is not closed" end

local out = setmetatable({ fd = unistd.STDOUT_FILENO, held = "" }, stream)
local err = setmetatable({ fd = unistd.STDERR_FILENO, held = "" }, stream)

-- Takes the place of what Lua programs write with. What still holds the original streams writes whole lines, unmarked.
function output.install()
    local original = io.stdout
    io.stdout:setvbuf("line")
    io.write = function(...)
        local current = io.output()
        return (current == original and out or current):write(...)
    end
    io.stdout, io.stderr = out, err
    function print(...)
        local texts = table.pack(...)
        for index = 1, texts.n do texts[index] = tostring(texts[index]) end
        out:write(table.concat(texts, "\t"), "\n")
    end
end

-- From here on everything is written for this request, or "" for none; what has not ended goes out before.
function output.begin(request_id)
    out:flush()
    err:flush()
    output.request_id = request_id:sub(1, 128)
end

return output
