-- The runner of Lua functions (docs/runner-protocol.md). One process waits for `init` and loads the function; then it
-- forks a worker for each slot, so a handler may take its time, or block, without another request waiting for it.
package.path = "/opt/berth/?.lua;" .. package.path

local answer = require "runner.answer"
local connection = require "runner.connection"
local json = require "cjson.safe"
local loader = require "runner.loader"
local output = require "runner.output"
local request = require "runner.request"
local serve = require "runner.serve"
local signal = require "posix.signal"
local unistd = require "posix.unistd"
local wait = require "posix.sys.wait"

local TICK_MS = 1000 -- a signal that comes just before a wait is seen after it
local WORKERS_MAX = 400 -- a container has room for 512 processes

local path = os.getenv("BERTH_SOCKET") or "/run/berth/host.sock"
local is_told_to_end = false

local function dial()
    local link, message = connection.dial(path)
    if not link then
        io.stderr:write("cannot dial the host: ", message, "\n")
        os.exit(1)
    end
    return link
end

-- Answers `init`; the handler when the function is loaded, else nil.
local function answer_init(one, settings)
    if settings.protocol ~= 1 then
        answer.send_load_failure(one, 400, "this runner knows protocol 1 only")
        return nil
    elseif settings.concurrency > WORKERS_MAX then
        answer.send_load_failure(one, 500, ("concurrency is %d; Lua functions serve at most %d requests at once"):format(
            settings.concurrency, WORKERS_MAX))
        return nil
    end
    local ok, result = serve.guarded(settings, loader.load, settings)
    output.begin("")
    if ok then return result end
    answer.send_load_failure(one, 500, result.message, result.traceback)
    return nil
end

-- Waits for the function. Its connection, settings, handler, and the request that waits for an answer.
local function await_function()
    local link = dial()
    while not is_told_to_end do
        if link:wait(TICK_MS) == "readable" then
            local one = request.read_from(link)
            local settings = one and json.decode(one:body())
            local handler = settings and answer_init(one, settings)
            if handler then return link, settings, handler, one end
            if not settings then
                link:close()
                link = dial()
            end
        end
    end
    os.exit(0)
end

-- A worker; the connection `link` is its first. It ends when the last writer of the pipe does.
local function start_worker(link, settings, handler, pipe)
    local child = assert(unistd.fork())
    if child > 0 then return child end
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    unistd.close(pipe.writer)
    math.randomseed(os.time() + unistd.getpid())
    serve.run(link, path, settings, handler, pipe.reader)
    output.begin("")
    unistd._exit(0)
end

-- Waits until each worker has ended. One that ends unasked takes all with it: the host starts another instance.
local function await_workers(count, pipe)
    while count > 0 do
        if is_told_to_end and pipe.writer then
            unistd.close(pipe.writer)
            pipe.writer = nil
        end
        local child, how, status = wait.wait(-1, wait.WNOHANG)
        if child and child > 0 then
            count = count - 1
            if not is_told_to_end then
                io.stderr:write(("a worker of the function has ended unasked: %s %d\n"):format(how, status))
                os.exit(1)
            end
        elseif not is_told_to_end or not pipe.writer then
            unistd.sleep(TICK_MS // 1000)
        end
    end
end

local function main()
    output.install()
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, function() is_told_to_end = true end)
    signal.signal(signal.SIGCHLD, function() end)
    local link, settings, handler, one = await_function()
    local pipe = {}
    pipe.reader, pipe.writer = unistd.pipe()
    answer.send(one, {})
    for index = 1, settings.concurrency do
        start_worker(index == 1 and link or nil, settings, handler, pipe)
    end
    link:close()
    await_workers(settings.concurrency, pipe)
    os.exit(0)
end

main()
