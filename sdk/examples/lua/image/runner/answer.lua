-- What a handler returns becomes an answer: body, status and headers, the latter two optional.
--   a text         is the body
--   a function     is called for each piece of the body, until it returns nil
--   a table        is sent as JSON
--   nil            is no body: 204, unless there is another status
-- `headers` are {Name = value}; a list as a value gives a header of that name for each.
local json = require "cjson.safe"

local answer = {}

local REASONS = {
    [200] = "OK", [201] = "Created", [202] = "Accepted", [204] = "No Content", [301] = "Moved Permanently",
    [302] = "Found", [303] = "See Other", [304] = "Not Modified", [307] = "Temporary Redirect",
    [400] = "Bad Request", [401] = "Unauthorized", [403] = "Forbidden", [404] = "Not Found",
    [405] = "Method Not Allowed", [409] = "Conflict", [413] = "Content Too Large", [422] = "Unprocessable Content",
    [500] = "Internal Server Error", [501] = "Not Implemented", [503] = "Service Unavailable",
}
-- These say how a message ends, which is for this file to say.
local FRAMING = { ["connection"] = true, ["keep-alive"] = true, ["content-length"] = true, ["transfer-encoding"] = true }

local function add_header(lines, name, value)
    value = tostring(value)
    if type(name) ~= "string" or not name:find("^[%w!#$%%&'*+%-.^_`|~]+$") or value:find("[%z\1-\8\10-\31\127]") then
        error(("the header %q is none that HTTP allows"):format(tostring(name)), 0)
    end
    lines[#lines + 1] = name .. ": " .. value
end

-- The lines of the handler's own headers, sorted; also whether it wants the connection closed.
local function header_lines(headers, content_type)
    local lines, has_type, closes = {}, false, false
    for name, value in pairs(headers) do
        local lower = tostring(name):lower()
        has_type = has_type or lower == "content-type"
        closes = closes or (lower == "connection" and tostring(value):lower():find("close", 1, true) ~= nil)
        if not FRAMING[lower] then
            for _, one in ipairs(type(value) == "table" and value or { value }) do add_header(lines, name, one) end
        end
    end
    table.sort(lines)
    if content_type and not has_type then lines[#lines + 1] = "Content-Type: " .. content_type end
    return lines, closes
end

-- The body as text or function, and what it is.
local function body_of(value)
    if type(value) == "table" then
        local text, problem = json.encode(value)
        if not text then error("the table that the handler returned cannot be written as JSON: " .. problem, 0) end
        return text, "application/json"
    elseif value == nil then
        return "", nil
    elseif type(value) == "function" then
        return value, "text/plain; charset=utf-8"
    elseif type(value) == "string" or type(value) == "number" then
        return tostring(value), "text/plain; charset=utf-8"
    end
    error(("the handler returned a %s; a text, a table, a function or nil can be answered"):format(type(value)), 0)
end

-- All pieces of a body as chunks, each sent as it comes.
local function send_chunks(link, next_piece)
    for piece in next_piece do
        piece = tostring(piece)
        if piece ~= "" then link:write(("%x\r\n%s\r\n"):format(#piece, piece)) end
    end
    link:write("0\r\n\r\n")
end

-- Sends what a handler returned. `request.was_answered` is set when the first byte goes out. Returns whether another
-- request may come on the connection. Raises what is wrong with the answer, or GONE.
function answer.send(request, value, status, headers)
    local body, content_type = body_of(value)
    status = math.tointeger(status or (value == nil and 204 or 200))
    if not status or status < 200 or status > 599 then error("the handler returned a status that is none", 0) end
    local lines, closes = header_lines(headers or {}, content_type)
    local has_body = request.method ~= "HEAD" and status ~= 204 and status ~= 304
    if type(body) == "string" then
        if status ~= 204 and status ~= 304 then lines[#lines + 1] = "Content-Length: " .. #body end
    elseif has_body then
        lines[#lines + 1] = "Transfer-Encoding: chunked"
    end
    closes = closes or not request:can_drain()
    if closes then lines[#lines + 1] = "Connection: close" end
    table.insert(lines, 1, ("HTTP/1.1 %d %s"):format(status, REASONS[status] or ""))
    local head = table.concat(lines, "\r\n") .. "\r\n\r\n"
    request.was_answered = true
    if type(body) == "string" then
        request.link:write(has_body and head .. body or head)
    else
        request.link:write(head)
        if has_body then send_chunks(request.link, body) end
    end
    return not closes
end

-- The text with each byte that is no UTF-8 replaced.
local function clean(text)
    local _, wrong = utf8.len(text)
    while wrong do
        text = text:sub(1, wrong - 1) .. "?" .. text:sub(wrong + 1)
        _, wrong = utf8.len(text, wrong)
    end
    return text
end

-- The error that is answered in place of what a handler should have.
function answer.send_failure(request, message, traceback)
    local failure = {
        component = "function", reason = "exception", message = clean(message), request_id = clean(request.id),
        hint = "the traceback is in the function's log", traceback = traceback and clean(traceback),
    }
    return answer.send(request, { error = failure }, 500)
end

-- The same for the host, when the function cannot load.
function answer.send_load_failure(request, status, message, traceback)
    return answer.send(request, { error = { message = clean(message), traceback = traceback and clean(traceback) } }, status)
end

return answer
