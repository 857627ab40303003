package = "hex"
version = "1.0-1"
source = { url = "hex.lua" }
build = { type = "builtin", modules = { hex = "hex.lua" } }
