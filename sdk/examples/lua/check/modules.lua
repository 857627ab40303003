-- What `require` can find, as far as that is known before a function runs.
local modules = {}

-- What Lua has, and what the runtime image has beside it.
local BUILT_IN = {}
for name in ([[_G bit32 cjson cjson.safe cjson.util coroutine debug io math os package posix string table utf8]]):gmatch("%S+") do
    BUILT_IN[name] = true
end

local function exists(path)
    local file = io.open(path, "rb")
    if file then file:close() end
    return file ~= nil
end

-- `files` is what the function's folder has ({path = true}), `installed` the folder of its dependencies or nil.
function modules.new(files, installed)
    local self = { files = files, installed = installed, asks_for_rocks = false }
    for path in pairs(files) do
        self.asks_for_rocks = self.asks_for_rocks or path:find("^[^/]+%.rockspec$") ~= nil
    end
    return setmetatable(self, { __index = modules })
end

-- The file of the folder that is the module, or nil.
function modules:file_of(name)
    local path = name:gsub("%.", "/")
    for _, file in ipairs { path .. ".lua", path .. "/init.lua", path .. ".so" } do
        if self.files[file] then return file end
    end
end

-- Whether it is certain that there is no such module.
function modules:is_missing(name)
    if BUILT_IN[name] or name:find("^posix%.") or self:file_of(name) then return false end
    if not self.asks_for_rocks then return true end
    if not self.installed then return false end -- only the installed set knows
    local path = name:gsub("%.", "/")
    local share, native = self.installed .. "/share/lua/5.3/" .. path, self.installed .. "/lib/lua/5.3/" .. path
    return not (exists(share .. ".lua") or exists(share .. "/init.lua") or exists(native .. ".so"))
end

-- How many letters have to be changed, added, left out, or swapped with the next, to make one of the other.
local function distance(a, b)
    local rows = {}
    for i = 0, #a do rows[i] = { [0] = i } end
    for j = 1, #b do rows[0][j] = j end
    for i = 1, #a do
        for j = 1, #b do
            local changed = rows[i - 1][j - 1] + (a:byte(i) == b:byte(j) and 0 or 1)
            rows[i][j] = math.min(changed, rows[i - 1][j] + 1, rows[i][j - 1] + 1)
            if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
                rows[i][j] = math.min(rows[i][j], rows[i - 2][j - 2] + 1)
            end
        end
    end
    return rows[#a][#b]
end

-- The one of the names that is most like `name`, if any is alike.
function modules.nearest(name, names)
    local best
    local least = math.min(2, #name // 2) + 1
    for _, other in ipairs(names) do
        local changes = math.abs(#other - #name) < least and distance(name, other) or least
        if changes < least then best, least = other, changes end
    end
    return best
end

-- What `name` could be meant for.
function modules:like(name)
    local names = {}
    for other in pairs(BUILT_IN) do names[#names + 1] = other end
    for path in pairs(self.files) do
        local module = path:match("^(.+)/init%.lua$") or path:match("^(.+)%.lua$") or path:match("^(.+)%.so$")
        if module then names[#names + 1] = module:gsub("/", ".") end
    end
    table.sort(names)
    return modules.nearest(name, names)
end

return modules
