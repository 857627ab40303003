-- Looks at a function without running it: the syntax of its file and of all that this file requires, whether there are
-- such modules, whether it returns a handler. How it is called, and what it writes, is in <berth/language.h>.
package.path = arg[0]:match("^(.*)/") .. "/?.lua"

local handler = require "handler"
local modules = require "modules"
local scan = require "scan"

local SHOWN_BYTES = 300 -- of a message, which may have a line of the file in it

local function report(severity, place, message, hint)
    print(("%s: %s: %s"):format(place, severity, message:sub(1, SHOWN_BYTES)))
    if hint then print("hint: " .. hint) end
end

local function place_of(file, text, at)
    return ("%s:%d:%d"):format(file, scan.place(text, at))
end

-- The place of the last thing in a file.
local function end_of(file, text)
    local last = text:find("%S%s*$")
    return last and place_of(file, text, last) or file
end

-- What Lua skips at a file's beginning.
local function read(file)
    local stream = assert(io.open(file, "rb"))
    local text = stream:read("a")
    stream:close()
    return (text:gsub("^\xEF\xBB\xBF", ""):gsub("^#[^\n]*", ""))
end

-- Lua names the line; the column is known when what the error is near is there once.
local function report_syntax(file, text, problem)
    local line, message = problem:match("^_:(%d+): (.*)$")
    if not line then return report("error", file, problem) end
    if message:find("near <eof>", 1, true) then return report("error", end_of(file, text), message) end
    local number, near = 0, message:match("near '(.+)'$")
    for content in (text .. "\n"):gmatch("([^\n]*)\n") do
        number = number + 1
        local column = number == tonumber(line) and near and content:find(near, 1, true)
        if column and not content:find(near, column + 1, true) then
            return report("error", ("%s:%s:%d"):format(file, line, column), message)
        end
    end
    report("error", ("%s:%s"):format(file, line), message)
end

-- Calls `visit` with each module that is required by name, and the token that names it.
local function each_required(tokens, visit)
    for index, token in ipairs(tokens) do
        local before = (tokens[index - 1] or {}).text
        local name = tokens[index + 1]
        if name and name.kind == "symbol" and name.text == "(" then name = tokens[index + 2] end
        if token.kind == "word" and token.text == "require" and before ~= "." and before ~= ":" and before ~= "function"
            and name and name.kind == "string" and not name.text:find("\\", 1, true) then
            visit(name.text, token)
        end
    end
end

local function report_missing(known, file, text, name, token)
    local like = known:like(name)
    local where = known.asks_for_rocks and "nor in what is installed" or "and there is no rockspec"
    report("warning", place_of(file, text, token.at),
        ("there is no module `%s`: it is not part of Lua, not in the folder, %s"):format(name, where),
        like and ("did you mean `%s`?"):format(like)
            or ("write it, or have a rock installed that brings it: name the rock in a rockspec"))
end

-- Looks at one file; adds to `queue` what it requires of the folder.
local function look(file, is_entry, known, queue)
    local text = read(file)
    local chunk, problem = load(text, "=_", "t", {})
    if not chunk then return report_syntax(file, text, problem) end
    local tokens = scan.tokens(text)
    each_required(tokens, function(name, token)
        local own = known:file_of(name)
        if own and own:find("%.lua$") then
            queue[#queue + 1] = own
        elseif known:is_missing(name) then
            report_missing(known, file, text, name, token)
        end
    end)
    if not is_entry then return end
    local message, hint, token = handler.wrong(tokens)
    if message then report("error", token and place_of(file, text, token.at) or end_of(file, text), message, hint) end
end

local files = {}
for path in io.lines() do files[path] = true end
local known = modules.new(files, os.getenv("BERTH_DEPENDENCIES"))
local queue, seen = { arg[1] }, {}
for _, file in ipairs(queue) do
    if not seen[file] then look(file, file == arg[1], known, queue) end
    seen[file] = true
end
