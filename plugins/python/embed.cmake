# Writes the C file OUTPUT with the text of each of FILES: the table `analysis_modules` of interpreter.h.
set(arrays "")
set(rows "")
foreach(path ${FILES})
    get_filename_component(name ${path} NAME_WE)
    file(READ ${path} digits HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${digits}")
    string(REGEX REPLACE "(................................................................................)" "\\1\n    " bytes "${bytes}")
    string(APPEND arrays "static const char text_${name}[] = {\n    ${bytes}0x00};\n\n")
    string(APPEND rows "    {\"${name}\", text_${name}},\n")
endforeach()
file(WRITE ${OUTPUT}.new
     "#include \"interpreter.h\"\n\n${arrays}const struct analysis_module analysis_modules[] = {\n${rows}    {NULL, NULL},\n};\n")
file(RENAME ${OUTPUT}.new ${OUTPUT})
