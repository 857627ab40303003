-- A request: what a handler gets.
--   request.method, request.path, request.query (without "?", or nil)
--   request.headers        names in lower case; what comes twice is joined with ", "
--   request.id             the host's id of this request
--   request:read(limit)    some more of the body, at most `limit` bytes (65536); nil at its end
--   request:pieces()       the same for a loop: for piece in request:pieces() do ... end
--   request:body()         all that is left of the body
local connection = require "runner.connection"

local HEAD_BYTES = 262144
local LINE_BYTES = 8192
local PIECE_BYTES = 65536
local DRAIN_BYTES = 65536 -- of a body that nobody wants, to keep the connection

local request = {}
request.__index = request

local function read_headers(text)
    local headers = {}
    for name, value in text:gmatch("([^:\r\n]+):[ \t]*([^\r\n]-)[ \t]*\r\n") do
        name = name:lower()
        headers[name] = headers[name] and headers[name] .. ", " .. value or value
    end
    return headers
end

-- The next request of the connection; nil when there is none: the host has closed.
function request.read_from(link)
    local head = link:read_until("\r\n\r\n", HEAD_BYTES)
    if not head then return nil end
    local method, target, rest = head:match("^(%S+) (%S+) HTTP/1%.[01]\r\n(.*)$")
    if not method then return nil end
    local self = setmetatable({ link = link, method = method, headers = read_headers(rest) }, request)
    self.path, self.query = target:match("^([^?]*)%??(.*)$")
    if not target:find("?", 1, true) then self.query = nil end
    self.id = self.headers["x-request-id"] or ""
    self.is_chunked = self.headers["transfer-encoding"] ~= nil
    self.left = math.tointeger(tonumber(self.headers["content-length"] or "0")) or 0 -- of the body, or of a chunk
    self.is_at_end = not self.is_chunked and self.left == 0
    return self
end

-- A client that waits to be asked for the body.
local function invite(self)
    if (self.headers["expect"] or ""):lower() == "100-continue" and not self.was_invited and not self.was_answered then
        self.was_invited = true
        self.link:write("HTTP/1.1 100 Continue\r\n\r\n")
    end
end

local function next_line(self)
    return self.link:read_until("\r\n", LINE_BYTES) or error(connection.GONE, 0)
end

-- Goes to the next chunk, whose length is then `left`; at the last one the trailers are passed over.
local function next_chunk(self)
    if self.in_chunk then next_line(self) end -- what ends the one before
    self.left = tonumber(next_line(self):match("^%x+") or error(connection.GONE, 0), 16)
    self.in_chunk = true
    if self.left == 0 then
        repeat until next_line(self) == "\r\n"
        self.is_at_end = true
    end
end

function request:read(limit)
    if not self.is_at_end then invite(self) end
    if not self.is_at_end and self.is_chunked and self.left == 0 then next_chunk(self) end
    if self.is_at_end then return nil end
    local piece = self.link:read(math.min(limit or PIECE_BYTES, self.left)) or error(connection.GONE, 0)
    self.left = self.left - #piece
    self.is_at_end = self.left == 0 and not self.is_chunked
    return piece
end

function request:pieces()
    return function() return self:read() end
end

function request:body()
    local pieces = {}
    for piece in self:pieces() do pieces[#pieces + 1] = piece end
    return table.concat(pieces)
end

-- Whether what is left of the body is so little that it is read rather than the connection closed.
function request:can_drain()
    if self.is_at_end then return true end
    return not self.is_chunked and self.left <= DRAIN_BYTES and (self.was_invited or not self.headers["expect"])
end

function request:drain()
    while self:read() do end
end

return request
