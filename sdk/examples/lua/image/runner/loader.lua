-- Loads the function that `init` is about.
local dirent = require "posix.dirent"
local stdlib = require "posix.stdlib"
local unistd = require "posix.unistd"

local loader = {}

-- Puts links to the package's entries into the working directory, and works there.
local function enter(code, work)
    if work then
        for _, name in ipairs(dirent.dir(code)) do
            if name ~= "." and name ~= ".." then unistd.link(code .. "/" .. name, work .. "/" .. name, true) end
        end
    end
    assert(unistd.chdir(work or code))
end

-- The function's own modules come first, then those that were installed, then those of the image.
local function set_paths(code, dependencies)
    local version = _VERSION:match("%d.%d")
    local path, native = { code .. "/?.lua", code .. "/?/init.lua" }, { code .. "/?.so" }
    if dependencies then
        local share = dependencies .. "/share/lua/" .. version
        path[#path + 1] = share .. "/?.lua"
        path[#path + 1] = share .. "/?/init.lua"
        native[#native + 1] = dependencies .. "/lib/lua/" .. version .. "/?.so"
    end
    package.path = table.concat(path, ";") .. ";" .. package.path
    package.cpath = table.concat(native, ";") .. ";" .. package.cpath
end

local function names_of(module)
    local names = {}
    for name, value in pairs(module) do
        if type(value) == "function" then names[#names + 1] = tostring(name) end
    end
    table.sort(names)
    return #names > 0 and table.concat(names, ", ") or "none"
end

-- The handler among what the file returned.
local function handler_of(file, module)
    if type(module) == "function" then return module end
    if type(module) == "table" and type(module.handle) == "function" then return module.handle end
    if type(module) == "table" then
        error(("%s returns a table without a function `handle`; its functions: %s"):format(file, names_of(module)), 0)
    end
    error(("%s returns %s; a function, or a table with a function `handle`, is expected"):format(
        file, module == nil and "nothing" or "a " .. type(module)), 0)
end

-- Loads the function of these settings and returns its handler, or raises.
function loader.load(settings)
    for name, value in pairs(settings.environment or {}) do stdlib.setenv(name, value) end
    local dependencies = type(settings.dependencies) == "string" and settings.dependencies or nil
    enter(settings.code, type(settings.work) == "string" and settings.work or nil)
    set_paths(settings.code, dependencies)
    local file = settings.runtime.file
    local chunk, problem = loadfile(settings.code .. "/" .. file, "t")
    if not chunk then error(problem, 0) end
    return handler_of(file, chunk((file:gsub("%.lua$", ""))))
end

return loader
