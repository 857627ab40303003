-- One worker: serves the requests of one connection after the other, and dials again when it is lost.
local answer = require "runner.answer"
local connection = require "runner.connection"
local json = require "cjson.safe"
local output = require "runner.output"
local poll = require "posix.poll"
local request = require "runner.request"

local RETRY_FIRST_MS, RETRY_LAST_MS = 20, 1000

local serve = {}

-- A repeated `init`: the function stays as it is.
local function answer_init(one, settings)
    local asked = json.decode(one:body()) or {}
    if asked.revision == settings.revision then return answer.send(one, {}) end
    return answer.send_load_failure(one, 409, "this runner has loaded revision " .. settings.revision)
end

-- Places in the package, as the user knows them.
local function plain(text, settings)
    local folder = (settings.code .. "/"):gsub("%p", "%%%0")
    return (text:gsub(folder, ""))
end

-- Calls the function; what it raises comes back as {message, traceback}. GONE stays what it is.
function serve.guarded(settings, call, ...)
    return xpcall(call, function(raised)
        if raised == connection.GONE then return raised end
        local message = plain(type(raised) == "table" and not (getmetatable(raised) or {}).__tostring
            and "an error that is a table" or tostring(raised), settings)
        return { message = message, traceback = plain(debug.traceback(message, 2), settings) }
    end, ...)
end

-- Whether the connection can be kept.
local function answer_failure(one, settings, raised)
    if raised == connection.GONE then return false end
    io.stderr:write(raised.traceback, "\n")
    if one.was_answered then return false end -- the client sees that the answer is not whole
    local shows = (settings.runtime.options or {}).debug == "true"
    return answer.send_failure(one, raised.message, shows and raised.traceback or nil)
end

local function answer_request(one, settings, handler)
    output.begin(one.id)
    local ok, keeps = serve.guarded(settings, function() return answer.send(one, handler(one)) end)
    if not ok then
        local raised = keeps
        ok, keeps = pcall(answer_failure, one, settings, raised)
    end
    output.begin("")
    return ok and keeps
end

-- Serves the request that is there. Whether the connection can be kept.
local function serve_one(link, settings, handler)
    local one = request.read_from(link)
    if not one then return false end
    local answer_it = one.path == "/.berth/init" and answer_init or answer_request
    local ok, keeps = pcall(answer_it, one, settings, handler)
    return ok and keeps and pcall(one.drain, one)
end

-- Dials until it succeeds, at once and then at growing intervals. nil: it is time to end.
local function dial(path, stop)
    local wait_ms = RETRY_FIRST_MS
    while true do
        local link = connection.dial(path)
        if link then return link end
        if poll.rpoll(stop, wait_ms) == 1 then return nil end
        wait_ms = math.min(2 * wait_ms, RETRY_LAST_MS)
    end
end

-- Serves until the descriptor `stop` has something to tell. `link` is the connection to begin with, or nil.
function serve.run(link, path, settings, handler, stop)
    while true do
        link = link or dial(path, stop)
        if not link then return end
        local event = link:wait(-1, stop)
        if event == "other" then return end
        if event == "readable" and not serve_one(link, settings, handler) then
            link:close()
            link = nil
        end
    end
end

return serve
