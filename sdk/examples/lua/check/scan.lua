-- Lua source as tokens, for what is to be known of a file that is not run. The source is one that compiles.
local scan = {}

-- The end of the string that begins with a quote at `at`.
local function end_of_quoted(text, at)
    local quote = text:sub(at, at)
    local next_at = at + 1
    while true do
        local found = text:find("[\\" .. quote .. "]", next_at)
        if not found then return #text end
        if text:sub(found, found) == quote then return found end
        next_at = found + 2
    end
end

-- The end of "[==[ ... ]==]" that begins at `at`, and how long its brackets are; nil: none begins there.
local function end_of_long(text, at)
    local level = text:match("^%[(=*)%[", at)
    if not level then return nil end
    local _, last = text:find("]" .. level .. "]", at, true)
    return last or #text, #level + 2
end

-- Where the next token begins, or nil.
local function skip(text, at)
    while true do
        at = text:find("%S", at)
        if not at or text:sub(at, at + 1) ~= "--" then return at end
        local last = end_of_long(text, at + 2)
        at = (last or (text:find("\n", at, true) or #text)) + 1
    end
end

local function token_at(text, at)
    local word = text:match("^[%a_][%w_]*", at)
    if word then return { kind = "word", text = word, at = at }, at + #word end
    local last, bracket = end_of_long(text, at)
    if last then return { kind = "string", text = text:sub(at + bracket, last - bracket), at = at }, last + 1 end
    local first = text:sub(at, at)
    if first == '"' or first == "'" then
        last = end_of_quoted(text, at)
        return { kind = "string", text = text:sub(at + 1, last - 1), at = at }, last + 1
    end
    local number = text:match("^%.?%d[%w.]*", at)
    if number then return { kind = "number", text = number, at = at }, at + #number end
    return { kind = "symbol", text = text:match("^[=~<>]=", at) or first, at = at }, at + (text:find("^[=~<>]=", at) and 2 or 1)
end

-- All tokens: {kind = "word", "string", "number" or "symbol", text, at}. A string's text is what stands between its
-- quotes, escapes as they are written.
function scan.tokens(text)
    local tokens, at = {}, skip(text, 1)
    while at do
        tokens[#tokens + 1], at = token_at(text, at)
        at = skip(text, at)
    end
    return tokens
end

-- The line and the column of the byte at `at`.
function scan.place(text, at)
    local line, start = 1, 1
    for position in text:gmatch("()\n") do
        if position >= at then break end
        line, start = line + 1, position + 1
    end
    return line, at - start + 1
end

return scan
