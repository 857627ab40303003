-- Whether a file can be the entry of a function: whether it returns a function, or a table with a function `handle`.
-- Much of that only shows when it runs; what is said here is certain.
local modules = require "modules"

local handler = {}

local OPENS = { ["function"] = true, ["if"] = true, ["do"] = true, ["repeat"] = true }
local CLOSES = { ["end"] = true, ["until"] = true }
local VALUES = { ["true"] = true, ["false"] = true, ["nil"] = true }

-- The indexes of the `return`s that are the file's own, and of no function in it.
local function own_returns(tokens)
    local returns, blocks, functions = {}, {}, 0
    for index, token in ipairs(tokens) do
        local word = token.kind == "word" and token.text
        if OPENS[word] then
            blocks[#blocks + 1] = word
            functions = functions + (word == "function" and 1 or 0)
        elseif CLOSES[word] then
            functions = functions - (table.remove(blocks) == "function" and 1 or 0)
        elseif word == "return" and functions == 0 then
            returns[#returns + 1] = index
        end
    end
    return returns
end

-- The names in the table that is written at `index`; nil when some are computed.
local function names_of_table(tokens, index)
    local names, braces, blocks = {}, 0, 0
    while tokens[index] do
        local token, after, before = tokens[index], tokens[index + 1], tokens[index - 1].text
        local is_symbol = token.kind == "symbol"
        if is_symbol and (token.text == "{" or token.text == "(") then
            braces = braces + 1
        elseif is_symbol and (token.text == "}" or token.text == ")") then
            braces = braces - 1
            if braces == 0 then return names end
        elseif token.kind == "word" and OPENS[token.text] then
            blocks = blocks + 1
        elseif token.kind == "word" and CLOSES[token.text] then
            blocks = blocks - 1
        elseif braces == 1 and blocks == 0 and (before == "{" or before == "," or before == ";") then
            if is_symbol and token.text == "[" then return nil end
            if token.kind == "word" and after and after.text == "=" then names[#names + 1] = token.text end
        end
        index = index + 1
    end
    return names
end

local function wrong_table(tokens, index)
    local names = names_of_table(tokens, index)
    for _, name in ipairs(names or { "handle" }) do
        if name == "handle" then return nil end
    end
    local meant = modules.nearest("handle", names)
    return "the table that the file returns has no `handle`",
        meant and ("did you mean `handle` by `%s`?"):format(meant) or "give it a function `handle`, which answers a request"
end

-- What is wrong: a message, a hint, and the token that it is about, or nil for the file's end. Nothing: not known.
function handler.wrong(tokens)
    local returns = own_returns(tokens)
    if #returns == 0 then
        return "the file returns nothing, so there is no handler",
            "end it with `return` and the function that answers a request"
    elseif #returns > 1 then
        return nil
    end
    local index = returns[1]
    local value = tokens[index + 1]
    if value and value.text == "{" and value.kind == "symbol" then
        local message, hint = wrong_table(tokens, index + 1)
        return message, hint, value
    elseif not value or VALUES[value.text] or value.kind == "string" or value.kind == "number" then
        return "the file returns no function", "return the function that answers a request", tokens[index]
    end
end

return handler
