-- A connection to the host: dialled, read in pieces of any size, written whole.
local errno = require "posix.errno"
local fcntl = require "posix.fcntl"
local poll = require "posix.poll"
local socket = require "posix.sys.socket"
local unistd = require "posix.unistd"

local PIECE_BYTES = 65536

local connection = {}
connection.__index = connection

-- What read() and write() raise when the host has closed: the client has gone.
connection.GONE = setmetatable({}, { __tostring = function() return "the client has gone" end })

-- Calls again what a signal interrupts.
local function uninterrupted(call, ...)
    local result, message, code
    repeat
        result, message, code = call(...)
    until result or code ~= errno.EINTR
    return result, message, code
end

-- A new connection to the socket at `path`; or nil and why not.
function connection.dial(path)
    local fd, message = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0)
    if not fd then return nil, message end
    fcntl.fcntl(fd, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
    local ok, reason = uninterrupted(socket.connect, fd, { family = socket.AF_UNIX, path = path })
    if not ok then
        unistd.close(fd)
        return nil, reason
    end
    return setmetatable({ fd = fd, unread = "" }, connection)
end

-- Waits until the host sends something or has closed: "readable". Before that, "other" when the descriptor `other` has
-- something to tell, "timeout" when `timeout_ms` are over, and "interrupted" when a signal came.
function connection:wait(timeout_ms, other)
    if self.unread ~= "" then return "readable" end
    local fds = { [self.fd] = { events = { IN = true } } }
    if other then fds[other] = { events = { IN = true } } end
    local count, _, code = poll.poll(fds, timeout_ms)
    if not count then return code == errno.EINTR and "interrupted" or "readable" end
    if count == 0 then return "timeout" end
    local told = other and fds[other].revents
    if told and (told.IN or told.HUP) then return "other" end
    return "readable"
end

-- Some bytes, at most `limit`; nil at the end of the stream.
function connection:read(limit)
    if self.unread == "" then
        local bytes = uninterrupted(socket.recv, self.fd, PIECE_BYTES)
        if not bytes or bytes == "" then return nil end
        self.unread = bytes
    end
    local piece = self.unread:sub(1, limit)
    self.unread = self.unread:sub(#piece + 1)
    return piece
end

-- Everything up to and with `ending`; nil when the stream ends, or `limit` bytes are over, before that.
function connection:read_until(ending, limit)
    while true do
        local _, last = self.unread:find(ending, 1, true)
        if last then
            local text = self.unread:sub(1, last)
            self.unread = self.unread:sub(last + 1)
            return text
        end
        local bytes = #self.unread < limit and uninterrupted(socket.recv, self.fd, PIECE_BYTES)
        if not bytes or bytes == "" then return nil end
        self.unread = self.unread .. bytes
    end
end

-- Writes all of it, or raises GONE.
function connection:write(bytes)
    local sent = 0
    while sent < #bytes do
        local count = uninterrupted(socket.send, self.fd, sent == 0 and bytes or bytes:sub(sent + 1))
        if not count then error(connection.GONE, 0) end
        sent = sent + count
    end
end

function connection:close()
    unistd.close(self.fd)
end

return connection
